"""`dynamics up`: web pages, Dagster UI and scheduler as children of one process, which ends them when it ends."""

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
from orchestration.scheduling.reload import LOCATION, reload_saved_queries, state_of
from orchestration.settings import PROJECT_ROOT, settings

_PATIENCE = {"web": 2.0, "dagster": 2.0, "assets": 20.0, "scheduler": 20.0}
"""Seconds that a child has to end by itself: a run finishes its mail, an open browser tab is not waited for."""
_LOADING = 180.0
"""Seconds that the assets may take to load: seven on an idle machine."""

Children = dict[str, "subprocess.Popen[bytes]"]


def run_everything(tell: Callable[[str], None]) -> int:
    """Runs all parts until Ctrl-C or a termination signal, or until one of them ends by itself, which is a failure.

    Saved queries that are added or changed meanwhile are taken over. Local services that this started stop with
    it; those that ran before go on. Raises DynamicsError when a part ends, Unavailable when one does not answer.
    """
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.default_int_handler)
    children: Children = {}
    try:
        with _services(), tempfile.TemporaryDirectory(prefix="dynamics-") as folder, _ended(children):
            tell("starting …")
            _start(children, Path(folder))
            _tell_places(tell)
            _watch(children, tell)
    except KeyboardInterrupt:
        tell("stopped")
    return 0


@contextmanager
def _services() -> Iterator[None]:
    """The database, the bucket and the mailbox, those of the settings or our own."""
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


def _start(children: Children, folder: Path) -> None:
    """Starts the children. Both of Dagster's read the assets from one server, at a socket in the folder."""
    programs = Path(sys.executable).parent
    environment = os.environ | {"DAGSTER_HOME": str(prepare_dagster_home())}
    _logs().mkdir(parents=True, exist_ok=True)

    def child(name: str, program: str, *arguments: str) -> None:
        # In a session of its own: Ctrl-C is for us, who end them in order.
        with (_logs() / f"{name}.log").open("ab") as log:
            children[name] = subprocess.Popen(  # noqa: S603 - our own programs, and no shell
                [str(programs / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                cwd=PROJECT_ROOT,
                start_new_session=True,
            )

    child("web", "dynamics", "serve")
    code = folder / "code"
    module = ("--module-name", "orchestration.definitions", "--location-name", LOCATION)
    child(
        "assets", "dagster", "code-server", "start", *module, "--socket", str(code), "--log-level", "warning"
    )
    _end_dead_runs()
    deadline = time.monotonic() + _LOADING
    while not code.exists():
        _require_all(children)
        if time.monotonic() > deadline:
            raise DynamicsError(f"the assets did not load in {_LOADING:.0f} s: see {_logs() / 'assets.log'}")
        time.sleep(0.1)
    workspace = folder / "workspace.yaml"
    workspace.write_text(f"load_from: [{{grpc_server: {{socket: {code}, location_name: {LOCATION}}}}}]\n")
    port = str(local.dagster_port(settings().home))
    child("dagster", "dagster-webserver", "--host", "127.0.0.1", "--port", port, "-w", str(workspace))
    child("scheduler", "dagster-daemon", "run", "-w", str(workspace))


def _end_dead_runs() -> None:
    """Before a scheduler runs: whatever counts as running was left by one that was killed."""
    from dagster import DagsterInstance

    from orchestration.scheduling.upkeep import end_dead_runs

    with DagsterInstance.get() as instance:
        end_dead_runs(instance)


def _logs() -> Path:
    return settings().home / "logs"


def _tell_places(tell: Callable[[str], None]) -> None:
    home = settings().home
    tell(f"pages      {public_url()}")
    tell(f"Dagster    http://127.0.0.1:{local.dagster_port(home)}")
    tell(
        f"mail goes  {local.maildir(home)}"
        if settings().smtp_url is None
        else "mail goes  to DYNAMICS_SMTP_URL"
    )
    tell(f"logs       {_logs()}")
    tell("Ctrl-C stops all of it")


def _watch(children: Children, tell: Callable[[str], None]) -> None:
    folder, port = settings().templates, local.dagster_port(settings().home)
    seen = state_of(folder)
    while True:
        time.sleep(1)
        _require_all(children)
        if (now := state_of(folder)) != seen and reload_saved_queries(folder, port, tell):
            seen = now


def _require_all(children: Children) -> None:
    for name, child in children.items():
        if child.poll() is not None:
            raise DynamicsError(f"{name} ended by itself, the rest is stopped: see {_logs() / f'{name}.log'}")


@contextmanager
def _ended(children: Children) -> Iterator[None]:
    """Ends all children at the end, the last first; whoever presses Ctrl-C twice does not leave them behind."""
    try:
        yield
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM):
            signal.signal(sign, signal.SIG_IGN)
        for child in reversed(children.values()):
            child.terminate()
        began = time.monotonic()
        for name, child in children.items():
            try:
                child.wait(max(0.1, began + _PATIENCE[name] - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
