"""The pages in their own process, and the Chromium that opens them."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from playwright.sync_api import Browser, Playwright

INSTALL_HINT = (
    "Chromium is not installed: run `apt-get install chromium` or `.venv/bin/playwright install chromium`"
)


def find_chromium(playwright: Playwright) -> str | None:
    """Return the path of Chromium: of the system, or downloaded by Playwright. None if missing."""
    candidates = (shutil.which("chromium"), playwright.chromium.executable_path)
    return next((path for path in candidates if path and Path(path).exists()), None)


def launch_chromium(playwright: Playwright) -> Browser:
    """Start a headless Chromium. Raise RuntimeError if none is installed."""
    path = find_chromium(playwright)
    if path is None:
        raise RuntimeError(INSTALL_HINT)
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@contextmanager
def run_server(environment: Mapping[str, str]) -> Iterator[str]:
    """Run `dynamics serve` with these variables on a free port. Give the address of the pages."""
    with socket.create_server(("127.0.0.1", 0)) as free_socket:
        port = free_socket.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "serve", "--port", str(port)],
        env={**os.environ, **environment, "DYNAMICS_PUBLIC_URL": address},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_until_ready(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate()


def _wait_until_ready(address: str, process: subprocess.Popen[str], timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{address}/healthz").close()
        except URLError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise TimeoutError(f"the server does not answer: {process.communicate()[1]}")
