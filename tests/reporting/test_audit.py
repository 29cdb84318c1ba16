"""A table that breaks what is true of every right report is not mailed (spec 3, 5)."""

from decimal import Decimal

from orchestration.reporting.audit import audit
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit


def table(**wrong) -> ReportTable:
    """Two periods without any client, but for the cells given as `row_number=(…)`."""
    rows = [(0, 0) if metric.unit is Unit.QUANTITY else (None, None) for metric in METRICS]
    for row, cells in wrong.items():
        rows[int(row.removeprefix("row"))] = cells
    return ReportTable(("01/2018", "02/2018"), (Block(None, tuple(rows)),))


def test_an_empty_report_is_right():
    assert audit(table(), ["01/2018", "02/2018"]) == []


def test_balances_that_are_rounded_apart_by_a_cent_are_right():
    assert (
        audit(
            table(row1=(Decimal("0.01"), None), row2=(Decimal("-0.01"), None), row3=(Decimal("0.01"), None)),
            None,
        )
        == []
    )


def test_a_balance_that_is_not_the_sum_of_its_parts_is_wrong():
    problems = audit(table(row9=(None, Decimal("5.00")), row11=(None, Decimal("5.02"))), None)
    assert problems == ["Clients - All: Balance 5.02 is not 5.00 + None in 02/2018"]


def test_a_negative_quantity_is_wrong():
    assert audit(table(row12=(0, -1)), None) == ["Balance Refill / Qty is -1 in 02/2018"]


def test_a_missing_period_is_wrong():
    assert audit(table(), ["01/2018", "02/2018", "03/2018"]) == ["periods are missing: 03/2018"]
    assert audit(table(), ["02/2018", "01/2018"]) == ["periods are missing: their order is wrong"]
