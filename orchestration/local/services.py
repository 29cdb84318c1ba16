"""All services of a home: what runs, what it holds, and their end."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestration.local import database, objects, smtp
from orchestration.local.daemon import Daemon
from orchestration.local.home import locked


@dataclass(frozen=True)
class Status:
    """One service: where it is, whether it runs and answers, and what it holds, in words."""

    name: str
    where: str
    running: bool
    detail: str


def status(home: Path) -> list[Status]:
    """Each service of the home as it is now, none when the home was never used; starts nothing."""
    home = home.expanduser().resolve()
    if not (home / "run").is_dir():
        return []

    def of(
        daemon: Daemon, where: str, answers: Callable[[Path], bool], held: Callable[[Path], str]
    ) -> Status:
        running = daemon.pid() is not None and answers(home)
        return Status(daemon.name, where, running, held(home))

    return [
        of(database.server(home), database.url(home), database.answers, database.held),
        of(objects.server(home), objects.url(home), objects.answers, objects.held),
        of(smtp.server(home), smtp.url(home), smtp.answers, smtp.held),
    ]


def stop(home: Path) -> list[str]:
    """Stops what this home runs and returns the names of what was stopped, none when nothing ran."""
    home = home.expanduser().resolve()
    if not (home / "run").is_dir():
        return []
    daemons = (database.server(home), objects.server(home), smtp.server(home))
    with locked(home):
        stopped = [daemon.name for daemon in daemons if daemon.stop()]
        database.leave(home)
    return stopped
