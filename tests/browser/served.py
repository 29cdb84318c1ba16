"""The pages in a process of their own, and the Chromium that looks at them."""

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

HOW_TO_INSTALL = "no Chromium here: `apt-get install chromium`, or `.venv/bin/playwright install chromium`"


def chromium_path(playwright: Playwright) -> str | None:
    """Debian's Chromium, or the one that Playwright has downloaded; None where there is neither."""
    candidates = (shutil.which("chromium"), playwright.chromium.executable_path)
    return next((path for path in candidates if path and Path(path).exists()), None)


def launch(playwright: Playwright) -> Browser:
    """A Chromium without windows. Raises RuntimeError where none is installed."""
    path = chromium_path(playwright)
    if path is None:
        raise RuntimeError(HOW_TO_INSTALL)
    return playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])


@contextmanager
def served(environment: Mapping[str, str]) -> Iterator[str]:
    """`dynamics serve` with these variables, on a free port, until the block ends; the address of the pages."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "serve", "--port", str(port)],
        env={**os.environ, **environment, "DYNAMICS_PUBLIC_URL": address},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        _wait_for(address, process)
        yield address
    finally:
        process.terminate()
        process.communicate()


def _wait_for(address: str, process: subprocess.Popen[str], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urlopen(f"{address}/healthz").close()
        except URLError:
            time.sleep(0.05)
        else:
            return
    process.kill()
    raise TimeoutError(f"the pages do not answer: {process.communicate()[1]}")
