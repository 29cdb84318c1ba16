"""Readers that open one page again and again.

Usage: `python -m benchmarks.web_load PORT PATH CLIENTS SECONDS`.

The readers use plain sockets that stay open, so that they need little CPU. The program prints the
requests a second and the 99th percentile of their times in milliseconds as JSON.
"""

import asyncio
import json
import sys
import time


async def read_repeatedly(port: int, request: bytes, until: float, times: list[float]) -> None:
    """Request a page again and again until `until`. Add the seconds of each answer to `times`."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        times.append(time.perf_counter() - began)
    writer.close()


async def main(port: int, path: str, clients: int, seconds: float) -> None:
    """Run the readers at the same time and print their figures."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    times: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(read_repeatedly(port, request, began + seconds, times) for _ in range(clients)))
    times.sort()
    figures = {
        "a_second": len(times) / (time.perf_counter() - began),
        "p99": 1000 * times[int(0.99 * len(times))],
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
