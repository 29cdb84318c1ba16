"""The supervisor of `dynamics up`: runs the web pages and Dagster as child processes."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestration import local
from orchestration.connections import database, object_store, public_url, smtp_url
from orchestration.errors import DynamicsError
from orchestration.scheduling.instance import prepare_dagster_home
from orchestration.scheduling.reload import (
    CODE_LOCATION,
    Fingerprint,
    fingerprint_files,
    reload_saved_queries,
)
from orchestration.settings import settings

_STOP_TIMEOUTS = {"web": 2.0, "dagster": 2.0, "assets": 20.0, "scheduler": 20.0}
"""Seconds that a child has to stop. A run can finish its mail. Open browser tabs do not count."""
_LOAD_TIMEOUT_SECONDS = 180.0

Children = dict[str, "subprocess.Popen[bytes]"]


def supervise(show: Callable[[str], None]) -> int:
    """Run all parts until Ctrl-C or a termination signal, and return 0.

    Changed files of saved queries are reloaded. Local services that this call started are stopped
    at the end, and services that ran before continue. Raise DynamicsError if a part ends on its
    own, and Unavailable if the database, the bucket or the mail server does not answer.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    children: Children = {}
    try:
        with (
            _run_services(),
            tempfile.TemporaryDirectory(prefix="dynamics-") as folder,
            _stop_at_end(children),
        ):
            show("starting …")
            # The assets load these files or newer ones, so no change is missed.
            loaded = fingerprint_files(settings().templates)
            _start_children(children, Path(folder))
            _show_addresses(show)
            _watch(children, loaded, show)
    except KeyboardInterrupt:
        show("stopped")
    return 0


@contextmanager
def _run_services() -> Iterator[None]:
    """Start the local services that the settings do not replace, and stop them at the end."""
    home = settings().home
    ran_before = any(part.running for part in local.status(home))
    try:
        with database():
            object_store()
            smtp_url()
        yield
    finally:
        if not ran_before:
            local.stop(home)


def _start_children(children: Children, folder: Path) -> None:
    """Start the children. The web server and the daemon of Dagster share one code server.

    The socket of the code server is in `folder`.
    """
    programs = Path(sys.executable).parent
    environment = os.environ | {"DAGSTER_HOME": str(prepare_dagster_home())}
    _log_folder().mkdir(parents=True, exist_ok=True)

    def start(name: str, program: str, *arguments: str) -> None:
        # A child has its own session, so that Ctrl-C reaches only the supervisor.
        with (_log_folder() / f"{name}.log").open("ab") as log:
            children[name] = subprocess.Popen(  # noqa: S603 - our own programs, and no shell
                [str(programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )

    start("web", "dynamics", "serve")
    _prepare_dagster()
    code = folder / "code"
    module = ("--module-name", "orchestration.definitions", "--location-name", CODE_LOCATION)
    start(
        "assets", "dagster", "code-server", "start", *module, "--socket", str(code), "--log-level", "warning"
    )
    deadline = time.monotonic() + _LOAD_TIMEOUT_SECONDS
    while not code.exists():
        _require_running(children)
        if time.monotonic() > deadline:
            raise DynamicsError(
                f"the assets did not load in {_LOAD_TIMEOUT_SECONDS:.0f} s: see {_log_folder() / 'assets.log'}"
            )
        time.sleep(0.1)
    workspace = folder / "workspace.yaml"
    workspace.write_text(
        f"load_from: [{{grpc_server: {{socket: {code}, location_name: {CODE_LOCATION}}}}}]\n"
    )
    port = str(local.dagster_port(settings().home))
    start("dagster", "dagster-webserver", "--host", "127.0.0.1", "--port", port, "-w", str(workspace))
    start("scheduler", "dagster-daemon", "run", "-w", str(workspace))


def _prepare_dagster() -> None:
    """Create Dagster's databases, and mark the unfinished runs of a killed scheduler as failed.

    Two children that create the same database at the same time can damage it.
    """
    from dagster import DagsterInstance

    from orchestration.scheduling.maintenance import end_dead_runs

    with DagsterInstance.get() as instance:
        end_dead_runs(instance)


def _log_folder() -> Path:
    return settings().home / "logs"


def _show_addresses(show: Callable[[str], None]) -> None:
    home = settings().home
    show(f"pages      {public_url()}")
    show(f"Dagster    http://127.0.0.1:{local.dagster_port(home)}")
    show(
        f"mail goes  {local.maildir(home)}"
        if settings().smtp_url is None
        else "mail goes  to DYNAMICS_SMTP_URL"
    )
    show(f"logs       {_log_folder()}")
    show("Ctrl-C stops all parts")


def _watch(children: Children, loaded: Fingerprint, show: Callable[[str], None]) -> None:
    """Watch the children and the files of the saved queries for ever.

    `loaded` is the fingerprint of the files that Dagster has loaded.
    """
    folder, port = settings().templates, local.dagster_port(settings().home)
    while True:
        time.sleep(1)
        _require_running(children)
        if (now := fingerprint_files(folder)) != loaded and reload_saved_queries(folder, port, show):
            loaded = now


def _require_running(children: Children) -> None:
    """Raise DynamicsError if a child has ended."""
    for name, child in children.items():
        if child.poll() is not None:
            raise DynamicsError(
                f"{name} ended unexpectedly, so all parts are stopped: see {_log_folder() / f'{name}.log'}"
            )


@contextmanager
def _stop_at_end(children: Children) -> Iterator[None]:
    """Stop all children at the end, in reverse order. A second Ctrl-C does not interrupt this."""
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(children.values()):
            child.terminate()
        began = time.monotonic()
        for name, child in children.items():
            try:
                child.wait(max(0.1, began + _STOP_TIMEOUTS[name] - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
