"""Report stores that a test has changed: what a reader would see if the data had been other."""

from contextlib import closing

import psycopg

from orchestration.builds.store import current_build, files, ledger
from orchestration.builds.store.duck import attach, in_memory

_NEXT_BUILD = """
    insert into dynamics.builds (marts_schema, as_of, finished_at, touched_before, models, base_currency, is_full)
    select marts_schema, as_of, now(), touched_before, models, base_currency, false
    from dynamics.builds where finished_at is not null order by build_id desc limit 1
    returning build_id
"""


def alter_store(connection: psycopg.Connection, *statements: str) -> int:
    """Publish a copy of the current store with the statements applied, as a build of its own.

    The statements name the databases `part_0` (what belongs to no client), `part_1` and so on. Gives the build's id.
    """
    with current_build(connection):
        store = ledger.current_store(connection)  # its files are on this machine now
    folder = files.folder(connection)
    changed = []
    with closing(in_memory(folder / "tmp")) as duck:
        for file in store.files:
            path = folder / files.new_name(file.part)
            files.copy(folder / file.name, path)
            changed.append((file.part, path))
            attach(duck, path, f"part_{file.part}", read_only=False)
        for statement in statements:
            duck.execute(statement)
        for part, _ in changed:
            duck.execute(f"detach part_{part}")
    (build_id,) = connection.execute(_NEXT_BUILD).fetchone()
    ledger.record(
        connection,
        build_id,
        [files.described(path, part) for part, path in changed],
        next_client=store.next_client,
        events=store.events,
        appended=store.appended,
    )
    connection.commit()
    return build_id


def forget_build(connection: psycopg.Connection, build_id: int) -> None:
    """Make the build before that one the current one again."""
    connection.execute("delete from dynamics.builds where build_id = %s", [build_id])
    connection.commit()


_WAIT = "(select count(*) from range(15000000000))"

SLOW = (
    *(
        statement
        for table in ("events", "lapses")
        for statement in (
            f"alter table part_1.{table} rename to all_{table}",
            f"create view part_1.{table} as select * from part_1.all_{table} where {_WAIT} > 0",
        )
    ),
)
"""Statements that have every report take some seconds, in the store, where it can be interrupted."""


def contents(connection: psycopg.Connection) -> dict[str, list[tuple]]:
    """Return the rows of the current store, sorted, with the ids that its numbers stand for."""
    named = {
        "clients": "select * exclude client from clients",
        "events": """
            select clients.client_id, events.* exclude (client, package, currency), packages.package_id, code
            from events left join clients using (client) left join packages using (package)
            left join currencies on events.currency = currencies.currency
        """,
        "lapses": """
            select clients.client_id, lapses.* exclude (client, package, currency), packages.package_id, code
            from lapses left join clients using (client) left join packages using (package)
            left join currencies on lapses.currency = currencies.currency
        """,
        "holdings": """
            select clients.client_id, packages.package_id, held_since
            from holdings left join clients using (client) left join packages using (package)
        """,
        "packages": "select package_id, name from packages",
        "daily_flows": "select * exclude currency from daily_flows left join currencies using (currency)",
    } | {table: f"select * from {table}" for table in ("exchange_rates", "daily_spans")}
    # A date on which nothing changed in the end may be left out or repeat the sums of the date before.
    named["daily_cohorts"] = """
        select * exclude currency from daily_cohorts left join currencies using (currency)
        qualify row (created_clients, clients, positive_clients, negative_clients, positive_balance, negative_balance)
            is distinct from lag(row (
                created_clients, clients, positive_clients, negative_clients, positive_balance, negative_balance
            )) over (partition by client_type, cohort, currency order by utc_date)
    """
    with current_build(connection) as build:
        return {table: sorted(build.rows(query), key=repr) for table, query in named.items()}
