"""Entry point of Alembic: runs the migrations on the database of `orchestration.db.database`.

An advisory lock makes two processes that start at the same time migrate one after the other.
"""

import psycopg
from alembic import context
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

_LOCK = 7_310_001

url = context.config.attributes["url"]
# psycopg parses the URL here as in the rest of the program, in all forms that Postgres allows.
engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
with engine.begin() as connection:
    connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK})
    connection.execute(text("create schema if not exists dynamics"))
    context.configure(connection=connection, version_table_schema="dynamics")
    context.run_migrations()
