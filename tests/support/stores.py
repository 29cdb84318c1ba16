"""Report stores for tests: changed copies of the current store, and its content."""

from contextlib import closing

import psycopg

from orchestration.builds.store import current_build, files, ledger
from orchestration.builds.store.duck import attach, connect_in_memory

_INSERT_BUILD = """
    insert into dynamics.builds
        (marts_schema, as_of, finished_at, source_xmin, project_hash, base_currency, is_full)
    select marts_schema, as_of, now(), source_xmin, project_hash, base_currency, false
    from dynamics.current_build
    returning build_id
"""


def alter_store(connection: psycopg.Connection, *statements: str) -> int:
    """Publish a changed copy of the current store as a new build, and return its id.

    The statements run on the databases `part_0` (rows that belong to no client), `part_1` and so
    on.
    """
    with current_build(connection):  # fetches the files onto this machine
        store = ledger.load_current_store(connection)
    folder = files.prepare_folder(connection)
    copies = []
    with closing(connect_in_memory(folder / "tmp")) as duck:
        for file in store.files:
            path = folder / files.make_file_name(file.part)
            files.copy_file(folder / file.name, path)
            copies.append((file.part, path))
            attach(duck, path, f"part_{file.part}", read_only=False)
        for statement in statements:
            duck.execute(statement)
        for part, _ in copies:
            duck.execute(f"detach part_{part}")
    (build_id,) = connection.execute(_INSERT_BUILD).fetchone()
    ledger.record_store(
        connection,
        build_id,
        [files.describe(path, part) for part, path in copies],
        next_client=store.next_client,
        events=store.events,
        appended=store.appended,
    )
    connection.commit()
    return build_id


def delete_build(connection: psycopg.Connection, build_id: int) -> None:
    """Delete the build, so that the build before it is the current one again."""
    connection.execute("delete from dynamics.builds where build_id = %s", [build_id])
    connection.commit()


_DELAY = "(select count(*) from range(15000000000))"

SLOW_STATEMENTS = (
    *(
        statement
        for table in ("events", "lapses")
        for statement in (
            f"alter table part_1.{table} rename to all_{table}",
            f"create view part_1.{table} as select * from part_1.all_{table} where {_DELAY} > 0",
        )
    ),
)
"""Statements for `alter_store` that make every report slow, so that a test can cancel it."""


_CONTENT_QUERIES = {
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
    "exchange_rates": "select * from exchange_rates",
    "daily_flows": "select * exclude currency from daily_flows left join currencies using (currency)",
    # A date without a change can be missing, or repeat the sums of the date before it.
    "daily_cohorts": """
        select * exclude currency from daily_cohorts left join currencies using (currency)
        qualify row (created_clients, clients, positive_clients, negative_clients, positive_balance, negative_balance)
            is distinct from lag(row (
                created_clients, clients, positive_clients, negative_clients, positive_balance, negative_balance
            )) over (partition by client_type, cohort, currency order by utc_date)
    """,
    "daily_spans": "select * from daily_spans",
}


def read_store(connection: psycopg.Connection) -> dict[str, list[tuple]]:
    """Return the sorted rows of each table of the current store, with ids in place of numbers."""
    with current_build(connection) as build:
        return {table: sorted(build.rows(query), key=repr) for table, query in _CONTENT_QUERIES.items()}
