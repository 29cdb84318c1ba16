"""SQL files of migrations."""

from pathlib import Path

from alembic import op

_FOLDER = Path(__file__).parent / "migrations" / "sql"


def run_sql_files(*names: str) -> None:
    """Run the files NAME.sql of `migrations/sql` in the transaction of the migration."""
    # SQLAlchemy would read `:name` and `%` in the text as parameters.
    connection = op.get_bind().connection.driver_connection
    if connection is None:
        raise RuntimeError("the migration has lost its database connection")
    for name in names:
        connection.execute((_FOLDER / f"{name}.sql").read_bytes())
