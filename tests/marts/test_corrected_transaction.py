"""The numbers of docs/explanation/one-corrected-transaction.md: a correction, model by model."""

from decimal import Decimal

from builders import client, make_extract, transaction, utc
from extract import Package, Rate
from marts_replay import upsert

from orchestration.builds import build_marts

EXAMPLE = make_extract(
    Package("basic", "Basic"),
    client("ann", created="2018-01-10"),
    client("bob", created="2018-02-20", currency="EUR"),
    client("cid", created="2018-03-05"),
    transaction("ann", "2018-01-15T09:00", "refill", "50"),
    transaction("ann", "2018-01-20T18:00", "usage", "-20"),
    transaction("bob", "2018-02-25T12:00", "refill", "10"),
    transaction("bob", "2018-03-31T21:00", "usage", "-16"),
    transaction("ann", "2018-04-10T08:00", "package_activation", "-10", "basic"),
    Rate("EUR", utc("2018-01-01").date(), Decimal("1.20")),
    Rate("EUR", utc("2018-03-31").date(), Decimal("1.25")),
)

CHANGED_EVENTS = """
    select sign, occurred_at, kind, amount::int, balance::int, valid_to
    from marts.int_changed_events order by occurred_at, sign
"""
FLOWS = """
    select utc_date::text, kind, quantity::int, amount::int from marts.mart_flows_daily
    where currency = 'EUR' order by utc_date
"""
COHORT = """
    select positive_clients::int, positive_balance::int, negative_clients::int, negative_balance::int
    from marts.mart_cohort_changes
    where cohort = 'all' and currency = 'EUR' and utc_date = '2018-03-31'
"""


def test_correction_changes_the_documented_rows(database, tmp_path):
    def fetch(query):
        return database.execute(query).fetchall()

    upsert(database, EXAMPLE)
    database.execute("insert into dynamics.loads (as_of, source) values ('2018-05-01Z', 'test')")
    database.commit()
    build_marts(database, state=tmp_path)
    assert fetch(FLOWS) == [("2018-02-25", "refill", 1, 10), ("2018-03-31", "usage", 1, -16)]
    assert fetch(COHORT) == [(-1, -10, 1, -6)]

    database.execute("update billing.transactions set amount = -8 where amount = -16")
    assert fetch("select client_id, changed_from, attributes_changed from dynamics.changed_clients") == [
        ("bob", utc("2018-03-31T21:00"), False)
    ]
    database.commit()
    build = build_marts(database, state=tmp_path)
    assert not build.is_full
    assert build.skipped_models == {"fct_clients", "dim_packages", "dim_exchange_rates"}
    refill, usage = utc("2018-02-25T12:00"), utc("2018-03-31T21:00")
    assert fetch("select * from marts.int_changed_clients") == [("bob", refill, False, 0, None)]
    assert fetch(CHANGED_EVENTS) == [
        (-1, refill, "refill", 10, 10, usage),
        (1, refill, "refill", 10, 10, usage),
        (-1, usage, "usage", -16, -6, None),
        (1, usage, "usage", -8, 2, None),
    ]
    assert fetch(FLOWS) == [("2018-02-25", "refill", 1, 10), ("2018-03-31", "usage", 1, -8)]
    assert fetch(COHORT) == [(0, -8, 0, 0)]
