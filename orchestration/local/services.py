"""All services of a home: their status, and their stop."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestration.local import database, object_storage, smtp
from orchestration.local.daemon import Daemon
from orchestration.local.state_dir import lock_home


@dataclass(frozen=True)
class Status:
    """One service, whether it runs and answers, and its contents in words."""

    name: str
    where: str
    running: bool
    detail: str


def status(home: Path) -> list[Status]:
    """Return the status of each service; an empty list for an unused home. Start nothing."""
    home = home.expanduser().resolve()
    if not (home / "run").is_dir():
        return []

    def describe(
        daemon: Daemon, where: str, is_ready: Callable[[Path], bool], describe_contents: Callable[[Path], str]
    ) -> Status:
        running = daemon.pid() is not None and is_ready(home)
        return Status(daemon.name, where, running, describe_contents(home))

    return [
        describe(
            service.server(home),
            service.url(home),
            service.is_ready,
            service.describe_contents,
        )
        for service in (database, object_storage, smtp)
    ]


def stop(home: Path) -> list[str]:
    """Stop the running services of the home and return their names."""
    home = home.expanduser().resolve()
    if not (home / "run").is_dir():
        return []
    daemons = (database.server(home), object_storage.server(home), smtp.server(home))
    with lock_home(home):
        stopped = [daemon.name for daemon in daemons if daemon.stop()]
        database.remove_socket_folder(home)
    return stopped
