"""Thresholds of `send_if`: their text, and when a table exceeds them."""

from decimal import Decimal

import pytest

from orchestration.reporting.table import METRICS, Block, ReportTable
from orchestration.saved_queries.conditions import Threshold, is_threshold_exceeded, parse_threshold

ROW = "Clients - Active / Qty"


def table(*cells, known=None, section="Clients - Active", name="Qty"):
    """Return a table with one block and `cells` in one row. The first `known` periods are known."""
    known = len(cells) if known is None else known
    quantities = (7,) * known + (None,) * (len(cells) - known)
    empty = (None,) * len(cells)
    rows = {("Clients - All", "Qty"): quantities, (section, name): cells}
    block = Block(None, tuple(rows.get((metric.section, metric.name), empty) for metric in METRICS))
    return ReportTable(tuple(f"{number:02}/2026" for number in range(1, len(cells) + 1)), (block,))


@pytest.mark.parametrize(
    ("text", "threshold"),
    [
        (f'"{ROW}" falls by more than 10 %', Threshold(ROW, "falls", Decimal(10), percent=True)),
        (f"'{ROW}' rises by more than 2.5%", Threshold(ROW, "rises", Decimal("2.5"), percent=True)),
        (f"{ROW}  falls  by more than 100", Threshold(ROW, "falls", Decimal(100))),
        (
            '"Clients - All/Balance Neg" is below -5000',
            Threshold("Clients - All / Balance Neg", "below", Decimal(-5000)),
        ),
        (
            '"Balance Refill / Total" is above 1000.50',
            Threshold("Balance Refill / Total", "above", Decimal("1000.50")),
        ),
    ],
)
def test_a_threshold_is_parsed_and_printed(text, threshold):
    assert parse_threshold(text) == threshold
    assert parse_threshold(str(threshold)) == threshold


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('"Clients - Activ / Qty" is above 3', "did you mean 'Clients - Active / Qty'"),
        ('"Weather / Rain" is above 3', "use the name of a row of the report"),
        (f'"{ROW}" drops by 3', "is not a valid threshold: write it like"),
        (f'"{ROW}" falls by more than -3', "is not a valid threshold"),
        (f'"{ROW}" is below 3 %', "is not a valid threshold"),
        (f'"{ROW} is below 3', "is not a valid threshold"),
        ("", "is not a valid threshold"),
    ],
)
def test_a_wrong_threshold_is_refused_with_suggestions(text, message):
    with pytest.raises(ValueError) as error:
        parse_threshold(text)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("text", "cells", "exceeded"),
    [
        ("falls by more than 10 %", (100, 89), True),
        ("falls by more than 10 %", (100, 90), False),
        ("falls by more than 10 %", (100, 200), False),
        ("rises by more than 10", (100, 111), True),
        ("rises by more than 10", (100, 110), False),
        ("rises by more than 500 %", (0, 1), True),
        ("falls by more than 0 %", (5, 5), False),
        ("falls by more than 10 %", (None, 5), False),
        ("falls by more than 10 %", (5, None), False),
        ("falls by more than 10 %", (5,), False),
        ("is below 5", (1, 5), False),
        ("is below 5", (9, 4), True),
        ("is above 5", (9, 5), False),
        ("is above 5", (None, 6), True),
        ("is above -1", (3, None), False),
    ],
)
def test_the_last_period_is_compared_with_the_limit(text, cells, exceeded):
    assert (
        is_threshold_exceeded(table(*cells), parse_threshold(f'"{ROW}" {text}'), by_period=True) is exceeded
    )


def test_unknown_periods_do_not_count():
    threshold = parse_threshold(f'"{ROW}" falls by more than 10 %')
    assert is_threshold_exceeded(table(100, 50, None, None, known=2), threshold, by_period=True)
    # N/A in a known period is not compared, and no earlier period replaces it.
    assert not is_threshold_exceeded(table(100, 50, None, None, known=3), threshold, by_period=True)


def test_a_percentage_refers_to_the_absolute_value():
    cells = (Decimal("-100.00"), Decimal("-120.00"))
    debts = table(*cells, section="Clients - All", name="Balance Neg")
    for text, exceeded in (("falls by more than 15 %", True), ("rises by more than 15 %", False)):
        threshold = parse_threshold(f'"Clients - All / Balance Neg" {text}')
        assert is_threshold_exceeded(debts, threshold, by_period=True) is exceeded


def test_one_package_is_enough():
    above = parse_threshold(f'"{ROW}" is above 5')
    assert is_threshold_exceeded(table(6, 1, 1), above, by_period=False)
    assert not is_threshold_exceeded(table(5, 1, 1), above, by_period=False)
    calm, loud = (table(1, cell).blocks[0] for cell in (1, 6))
    assert is_threshold_exceeded(
        ReportTable(("01/2026", "02/2026"), (loud, calm), by_package=True), above, by_period=True
    )
