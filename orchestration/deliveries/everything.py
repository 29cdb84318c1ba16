"""`dynamics up`: web pages, Dagster UI and scheduler as children of one process, which ends them when it ends."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from orchestration import local
from orchestration.connections import database, object_store, public_url, smtp_url
from orchestration.deliveries.instance import prepare_dagster_home
from orchestration.errors import DynamicsError
from orchestration.settings import PROJECT_ROOT, settings

_PATIENCE = 20.0
"""Seconds that a child has to end by itself: a run of the scheduler finishes its mail."""


def run_everything(tell: Callable[[str], None]) -> int:
    """Runs all parts until Ctrl-C or a termination signal, or until one of them ends by itself, which is a failure.

    Local services that this started stop with it; those that ran before go on.
    """
    home = settings().home
    ran_before = any(part.running for part in local.status(home))
    folder = prepare_dagster_home()
    with database():
        object_store()
        smtp_url()
    children = {
        name: subprocess.Popen(command, env=os.environ | {"DAGSTER_HOME": str(folder)}, cwd=PROJECT_ROOT)  # noqa: S603 - our own programs
        for name, command in _commands(home).items()
    }
    tell(f"pages      {public_url()}")
    tell(f"Dagster    http://127.0.0.1:{local.dagster_port(home)}")
    tell(f"mail goes  {local.maildir(home)}" if settings().smtp_url is None else "mail goes  to DYNAMICS_SMTP_URL")
    tell("Ctrl-C stops all of it")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while all(child.poll() is None for child in children.values()):
            time.sleep(0.5)
        ended = next(name for name, child in children.items() if child.poll() is not None)
        raise DynamicsError(f"{ended} ended by itself; what it said stands above, the rest is stopped")
    except KeyboardInterrupt:
        tell("stopping")
        return 0
    finally:
        _end(list(children.values()))
        if not ran_before:
            local.stop(home)


def _commands(home: Path) -> dict[str, list[str]]:
    programs = Path(sys.executable).parent
    workspace = ["-w", str(PROJECT_ROOT / "workspace.yaml")]
    dagster_port = str(local.dagster_port(home))
    return {
        "the web server": [str(programs / "dynamics"), "serve"],
        "the Dagster UI": [
            *(str(programs / "dagster-webserver"), "--host", "127.0.0.1", "--port", dagster_port),
            *("--log-level", "warning", *workspace),
        ],
        "the scheduler": [str(programs / "dagster-daemon"), "run", "--log-level", "warning", *workspace],
    }


def _end(children: list["subprocess.Popen[bytes]"]) -> None:
    for child in children:
        if child.poll() is None:
            child.terminate()
    deadline = time.monotonic() + _PATIENCE
    for child in children:
        try:
            child.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
