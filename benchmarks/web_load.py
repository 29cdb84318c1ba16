"""Readers that open one page again and again: `python -m benchmarks.web_load PORT PATH CLIENTS SECONDS`.

Plain sockets that stay open, so that a request costs the readers as little as can be. Prints the requests a second and
the 99th percentile of their times in milliseconds as JSON.
"""

import asyncio
import json
import sys
import time


async def reader(port: int, request: bytes, until: float, took: list[float]) -> None:
    """One reader: asks, reads the answer to its end, asks again."""
    answers, questions = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
    while (began := time.perf_counter()) < until:
        questions.write(request)
        head = await answers.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(head.decode())
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        await answers.readexactly(int(length))
        took.append(time.perf_counter() - began)
    questions.close()


async def main(port: int, path: str, clients: int, seconds: float) -> None:
    """So many readers for so long."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    took: list[float] = []
    began = time.perf_counter()
    await asyncio.gather(*(reader(port, request, began + seconds, took) for _ in range(clients)))
    took.sort()
    figures = {
        "a_second": len(took) / (time.perf_counter() - began),
        "p99": 1000 * took[int(0.99 * len(took))],
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])))
