"""Inconsistent report tables are found before they are mailed (definition: Periods, Rows)."""

from decimal import Decimal

from orchestration.reporting.consistency import find_inconsistencies
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit


def make_table(**rows_by_number) -> ReportTable:
    """Return a table of two periods without clients. `row1=(…)` replaces the cells of row 1."""
    rows = [(0, 0) if metric.unit is Unit.QUANTITY else (None, None) for metric in METRICS]
    for row, cells in rows_by_number.items():
        rows[int(row.removeprefix("row"))] = cells
    return ReportTable(("01/2018", "02/2018"), (Block(None, tuple(rows)),))


def test_an_empty_report_is_consistent():
    assert find_inconsistencies(make_table(), ["01/2018", "02/2018"]) == []


def test_balances_can_differ_by_a_cent():
    table = make_table(
        row1=(Decimal("0.01"), None), row2=(Decimal("-0.01"), None), row3=(Decimal("0.01"), None)
    )
    assert find_inconsistencies(table, None) == []


def test_a_balance_must_be_the_sum_of_its_parts():
    table = make_table(row9=(None, Decimal("5.00")), row11=(None, Decimal("5.02")))
    assert find_inconsistencies(table, None) == ["Clients - All: Balance 5.02 is not 5.00 + None in 02/2018"]


def test_a_quantity_must_not_be_negative():
    assert find_inconsistencies(make_table(row12=(0, -1)), None) == ["Balance Refill / Qty is -1 in 02/2018"]


def test_every_period_must_be_a_column_in_order():
    table = make_table()
    assert find_inconsistencies(table, ["01/2018", "02/2018", "03/2018"]) == ["periods are missing: 03/2018"]
    assert find_inconsistencies(table, ["02/2018", "01/2018"]) == [
        "periods are missing: their order is wrong"
    ]
