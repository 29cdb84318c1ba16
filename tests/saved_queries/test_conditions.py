"""Thresholds: what a line of `send_if` means, and when a table exceeds it."""

from decimal import Decimal

import pytest

from orchestration.reporting.table import METRICS, Block, ReportTable
from orchestration.saved_queries.conditions import Threshold, exceeds, parse_threshold

ROW = "Clients - Active / Qty"


def table(*cells, known=None, section="Clients - Active", name="Qty"):
    """A table of one block that says `cells` in one row; of its periods the first `known` are known."""
    known = len(cells) if known is None else known
    everyone = (7,) * known + (None,) * (len(cells) - known)
    nothing = (None,) * len(cells)
    rows = {("Clients - All", "Qty"): everyone, (section, name): cells}
    block = Block(None, tuple(rows.get((metric.section, metric.name), nothing) for metric in METRICS))
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
def test_a_line_is_a_threshold_and_says_itself_again(text, threshold):
    assert parse_threshold(text) == threshold
    assert parse_threshold(str(threshold)) == threshold


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('"Clients - Activ / Qty" is above 3', "did you mean 'Clients - Active / Qty'"),
        ('"Weather / Rain" is above 3', "name a row as the report does"),
        (f'"{ROW}" drops by 3', "is no threshold: write it like"),
        (f'"{ROW}" falls by more than -3', "is no threshold"),
        (f'"{ROW}" is below 3 %', "is no threshold"),
        (f'"{ROW} is below 3', "is no threshold"),
        ("", "is no threshold"),
    ],
)
def test_what_is_no_threshold_is_refused_with_what_is_near(text, told):
    with pytest.raises(ValueError) as error:
        parse_threshold(text)
    assert told in str(error.value)


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
def test_the_last_period_is_held_against_the_limit(text, cells, exceeded):
    assert exceeds(table(*cells), parse_threshold(f'"{ROW}" {text}'), by_period=True) is exceeded


def test_periods_to_come_do_not_count():
    threshold = parse_threshold(f'"{ROW}" falls by more than 10 %')
    assert exceeds(table(100, 50, None, None, known=2), threshold, by_period=True)
    # N/A in a period that is known is nothing to compare, not a reason to look further back.
    assert not exceeds(table(100, 50, None, None, known=3), threshold, by_period=True)


def test_a_share_is_of_the_size_whatever_its_sign():
    cells = (Decimal("-100.00"), Decimal("-120.00"))
    debts = table(*cells, section="Clients - All", name="Balance Neg")
    for text, exceeded in (("falls by more than 15 %", True), ("rises by more than 15 %", False)):
        threshold = parse_threshold(f'"Clients - All / Balance Neg" {text}')
        assert exceeds(debts, threshold, by_period=True) is exceeded


def test_of_packages_any_is_enough():
    above = parse_threshold(f'"{ROW}" is above 5')
    assert exceeds(table(6, 1, 1), above, by_period=False)
    assert not exceeds(table(5, 1, 1), above, by_period=False)
    calm, loud = (table(1, cell).blocks[0] for cell in (1, 6))
    assert exceeds(ReportTable(("01/2026", "02/2026"), (loud, calm), by_package=True), above, by_period=True)
