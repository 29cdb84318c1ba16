"""DuckDB as the report store uses it: its settings, and scripts of fixed text."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FOLDER = Path(__file__).parent

_MEMORY = "2GB"
"""What one process takes before it uses the temporary folder."""


def in_memory(temporary: Path) -> DuckDBPyConnection:
    """Return a connection without a database, to which the files of a store are attached.

    What does not fit into memory goes to the folder `temporary`. Nothing is downloaded, ever.
    """
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": _MEMORY,
            "temp_directory": str(temporary),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("set global timezone = 'UTC'")
    return connection


def attach(connection: DuckDBPyConnection, path: Path, name: str, *, read_only: bool) -> None:
    """Attach the file `path` as the database `name`, a word of this package."""
    where = str(path).replace("'", "''")
    connection.execute(f"attach '{where}' as {name} (read_only {str(read_only).lower()})")


def set_variables(connection: DuckDBPyConnection, **values: Any) -> None:
    """Set variables that statements read by `getvariable`. Their names are words of the program."""
    for name, value in values.items():
        connection.execute(f"set variable {name} = $value", {"value": value})


def run(connection: DuckDBPyConnection, script: str) -> None:
    """Run the statements in the file SCRIPT.sql of this folder."""
    connection.execute(_text(script))


@cache
def _text(script: str) -> str:
    return (_FOLDER / f"{script}.sql").read_text(encoding="utf-8")
