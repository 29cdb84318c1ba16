"""An upgrade from an older version keeps all rows, and change data capture continues."""

import databases
import psycopg
import pytest
from alembic import command
from alembic.config import Config

from orchestration.db import database as database_module
from orchestration.db.database import connect
from orchestration.source import ensure_schema, schema

BEFORE = "0009_transactions_index"

OLD_ROWS = """
    insert into dynamics.builds
        (marts_schema, as_of, finished_at, touched_before, models, base_currency, is_full)
    values
        ('marts', '2026-01-01Z', '2026-01-02Z', pg_current_xact_id(), 'a hash', 'EUR', true),
        ('marts', '2026-02-01Z', null, pg_current_xact_id(), 'a hash', 'EUR', false);
    insert into dynamics.touched (client_id, since, everything, currency)
    values ('c1', '2026-01-05Z', false, null), ('c2', null, false, null), (null, '2026-01-06Z', false, 'EUR');
    insert into dynamics.touched (changed_by, client_id, since) values ('1', 'built already', '2025-01-01Z');
    insert into dynamics.occurrences (saved_query, scheduled_at, snapshot_id, generated_by, letter)
    values ('monthly', '2026-01-01Z', 'snapshot 1', 'schedule', '{"subject": "January"}');
    insert into dynamics.deliveries (occurrence_id, recipient, header, state, finished_at, told_of)
    select occurrence_id, 'a@example.com', 'to', 'failed', '2026-01-01Z', '2026-01-01Z' from dynamics.occurrences;
    insert into dynamics.failures (failure, addresses, subject, body, told, told_at)
    values ('build', '{a@example.com}', 'Subject', 'Body', '{a@example.com}', '2026-01-03Z');
    insert into dynamics.query_jobs (job, visitor, snapshot_id, asked)
    values ('job', 'user ada', 'snapshot 2', 'interval=today');
"""


def migrate(url: str, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(database_module.MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, revision)


@pytest.fixture
def old_url(server_url):
    """Return the URL of a database before the migration."""
    with databases.fresh(server_url) as url:
        migrate(url, BEFORE)
        yield url


@pytest.fixture
def old_url_with_billing(old_url):
    """Return the same with the tables of `billing`, and the triggers of that version."""
    with psycopg.connect(old_url) as connection:
        connection.execute(schema.DDL.read_bytes())
        connection.execute("call dynamics.watch_billing()")
        connection.execute("delete from dynamics.touched")
        connection.execute(OLD_ROWS)
    return old_url


def test_upgrade_keeps_rows_under_new_names(old_url_with_billing):
    with connect(old_url_with_billing) as connection:
        rows = {
            name: connection.execute(query).fetchall()
            for name, query in {
                "changes": "select client_id, currency, changed_from::date::text from dynamics.pending_changes"
                " where not needs_full_build order by 1, 2",
                "all changes": "select count(*) from dynamics.change_log where not needs_full_build",
                "clients": "select client_id, changed_from::date::text, attributes_changed"
                " from dynamics.changed_clients order by 1",
                "builds": "select project_hash, base_currency, source_xmin is not null from dynamics.builds",
                "current": "select as_of::date::text, project_hash, base_currency from dynamics.current_build",
                "mail content": "select mail_content ->> 'subject' from dynamics.occurrences",
                "deliveries": "select notified_for = finished_at from dynamics.deliveries",
                "failures": "select notified, notified_at::date::text from dynamics.failures",
                "jobs": "select query_string from dynamics.query_jobs",
            }.items()
        }
    assert rows == {
        "changes": [("c1", None, "2026-01-05"), ("c2", None, None), (None, "EUR", "2026-01-06")],
        "all changes": [(4,)],
        "clients": [("c1", "2026-01-05", False), ("c2", None, True)],
        "builds": [("a hash", "EUR", True), ("a hash", "EUR", True)],
        "current": [("2026-01-01", "a hash", "EUR")],
        "mail content": [("January",)],
        "deliveries": [(True,)],
        "failures": [(["a@example.com"], "2026-01-03")],
        "jobs": [("interval=today",)],
    }


def test_upgrade_replaces_the_triggers(old_url_with_billing):
    with connect(old_url_with_billing) as connection:
        triggers = connection.execute(
            "select tgname, count(*) from pg_trigger where not tgisinternal group by 1 order by 1"
        ).fetchall()
        assert triggers == [(f"capture_{name}", 5) for name in ("delete", "insert", "truncate", "update")]
        assert connection.execute("select dynamics.is_change_capture_enabled()").fetchone() == (True,)
        connection.execute("delete from dynamics.change_log")
        connection.execute(
            "insert into billing.clients values ('new', 'New', 'client', null, 'EUR', now(), now())"
        )
        changes = "select client_id, changed_from, needs_full_build from dynamics.change_log"
        assert connection.execute(changes).fetchall() == [("new", None, False)]


def test_upgrade_leaves_a_database_without_billing_alone(old_url):
    with connect(old_url) as connection:
        assert connection.execute("select dynamics.is_change_capture_enabled()").fetchone() == (False,)
        assert connection.execute("select count(*) from dynamics.change_log").fetchone() == (0,)
        ensure_schema(connection)
        assert connection.execute("select dynamics.is_change_capture_enabled()").fetchone() == (True,)
