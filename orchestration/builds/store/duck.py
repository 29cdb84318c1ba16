"""DuckDB connections of the report store, and the scripts that run there."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_FOLDER = Path(__file__).parent

_MEMORY_LIMIT = "2GB"
"""The memory of one process. DuckDB writes more than this to the temporary folder."""


def connect_in_memory(temporary: Path) -> DuckDBPyConnection:
    """Return a connection without a database, to which the files of a store can be attached.

    DuckDB writes what does not fit into memory to the folder `temporary`. It never downloads an
    extension.
    """
    import duckdb

    connection = duckdb.connect(
        ":memory:",
        config={
            "memory_limit": _MEMORY_LIMIT,
            "temp_directory": str(temporary),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("set global timezone = 'UTC'")
    return connection


def attach(connection: DuckDBPyConnection, path: Path, name: str, *, read_only: bool) -> None:
    """Attach the file `path` as the database `name`. The name is a constant of this package."""
    quoted_path = str(path).replace("'", "''")
    connection.execute(f"attach '{quoted_path}' as {name} (read_only {str(read_only).lower()})")


def set_variables(connection: DuckDBPyConnection, **values: Any) -> None:
    """Set variables that statements read with `getvariable`. The names come from the program."""
    for name, value in values.items():
        connection.execute(f"set variable {name} = $value", {"value": value})


def run_script(connection: DuckDBPyConnection, script: str) -> None:
    """Run the statements in the file SCRIPT.sql of this folder."""
    connection.execute(_read_script(script))


@cache
def _read_script(script: str) -> str:
    return (_FOLDER / f"{script}.sql").read_text(encoding="utf-8")
