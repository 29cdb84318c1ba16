"""Give tables, columns, functions and triggers the names of the glossary. Add `current_build`."""

from orchestration.db.migration_sql import run_sql_files

revision = "0010_names"
down_revision = "0009_transactions_index"


def upgrade() -> None:
    """Rename what exists, and keep all rows."""
    run_sql_files("0010_rename", "0010_change_capture", "0010_builds", "0010_comments")
