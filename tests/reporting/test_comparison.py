"""The comparison of two reports: every difference is listed, and left plus difference is right."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.reporting.comparison import NotComparable, compare
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit

MONEY = st.none() | st.decimals(-1000, 1000, places=2)
QUANTITY = st.none() | st.integers(0, 1000)
NO_PACKAGES = st.none()
LABELS = st.lists(st.sampled_from(("01/2018", "02/2018", "03/2018", "04/2018")), min_size=1, max_size=3)


@st.composite
def tables(draw, columns=LABELS, packages=NO_PACKAGES):
    """Draw a table of few columns. With packages it has a block for each, also two of one name."""
    labels, names = tuple(draw(columns)), draw(packages)
    blocks = tuple(
        Block(
            name,
            tuple(
                tuple(draw(QUANTITY if metric.unit is Unit.QUANTITY else MONEY) for _ in labels)
                for metric in METRICS
            ),
        )
        for name in names or [None]
    )
    return ReportTable(labels, blocks, by_package=names is not None)


PACKAGES = st.lists(st.sampled_from(("Basic", "Extra", "No package")), min_size=1, max_size=2)
ANY_TABLE = tables() | tables(packages=PACKAGES)


@given(ANY_TABLE)
def test_a_report_does_not_differ_from_itself(table):
    comparison = compare(table, table)
    assert list(comparison.differences()) == []
    assert (comparison.columns, comparison.only_left, comparison.only_right) == (table.columns, (), ())
    assert comparison.cell_count == sum(len(row) for block in table.blocks for row in block.cells)
    assert comparison.largest_difference(Unit.MONEY) is None


def compare_or_none(left, right):
    try:
        return compare(left, right)
    except NotComparable:
        return None


@given(ANY_TABLE, ANY_TABLE)
def test_left_plus_difference_is_right(left, right):
    """The comparison in the other direction has the opposite differences."""
    forward, backward = compare_or_none(left, right), compare_or_none(right, left)
    assert (forward is None) == (backward is None)
    if forward is None or backward is None:
        return
    for block in forward.blocks:
        for metric, pairs in zip(METRICS, block.cells, strict=True):
            for pair in pairs:
                if pair.difference is None:
                    assert None in pair
                else:
                    assert pair.left + pair.difference == pair.right
                    assert type(pair.difference) is (int if metric.unit is Unit.QUANTITY else Decimal)
    assert sorted(numeric_differences(forward)) == sorted(-d for d in numeric_differences(backward))
    assert (forward.only_left, forward.only_right) == (backward.only_right, backward.only_left)


def numeric_differences(comparison):
    differences = (difference.pair.difference for difference in comparison.differences())
    return [number for number in differences if number is not None]


@given(
    tables(columns=st.just(["01/2018", "02/2018"])),
    st.integers(0, len(METRICS) - 1),
    st.integers(0, 1),
    st.data(),
)
def test_a_changed_cell_is_the_only_difference(table, row, column, data):
    before = table.blocks[0].cells[row][column]
    values = QUANTITY if METRICS[row].unit is Unit.QUANTITY else MONEY
    after = data.draw(values.filter(lambda value: value != before))
    (difference,) = compare(table, change_cell(table, row, column, after)).differences()
    assert (difference.metric, difference.column, difference.pair) == (
        METRICS[row],
        table.columns[column],
        (before, after),
    )


def change_cell(table, row, column, value):
    cells = [list(cells) for cells in table.blocks[0].cells]
    cells[row][column] = value
    block = replace(table.blocks[0], cells=tuple(map(tuple, cells)))
    return replace(table, blocks=(block, *table.blocks[1:]))


def make_table(value, *columns, packages=(None,)):
    """Return a table with one number in every cell."""
    block = tuple((value,) * len(columns) for _ in METRICS)
    return ReportTable(
        columns, tuple(Block(name, block) for name in packages), by_package=packages != (None,)
    )


def test_na_differs_from_zero_without_a_numeric_difference():
    comparison = compare(make_table(None, "Total"), make_table(0, "Total"))
    assert {difference.pair.difference for difference in comparison.differences()} == {None}
    assert len(list(comparison.differences())) == len(METRICS)
    assert comparison.largest_difference(Unit.QUANTITY) is None


def test_the_largest_difference_is_the_one_farthest_from_zero():
    left = make_table(Decimal("5.00"), "01/2018", "02/2018")
    right = change_cell(change_cell(left, 1, 0, Decimal("7.00")), 2, 1, Decimal("-9.00"))
    largest = compare(left, right).largest_difference(Unit.MONEY)
    assert (largest.metric, largest.column, largest.pair.difference) == (
        METRICS[2],
        "02/2018",
        Decimal("-14.00"),
    )


def test_common_labels_are_compared_and_others_are_named():
    comparison = compare(
        make_table(1, "01/2018", "02/2018", packages=("Basic",)),
        make_table(2, "02/2018", "03/2018", packages=("Basic", "New")),
    )
    assert (comparison.columns, [block.package for block in comparison.blocks]) == (("02/2018",), ["Basic"])
    assert (comparison.only_left, comparison.only_right) == (("01/2018",), ("03/2018", "New"))
    assert comparison.cell_count == len(METRICS)


def test_two_packages_of_one_name_are_compared_in_order():
    left = make_table(1, "Total", packages=("Basic", "Basic"))
    comparison = compare(left, change_cell(left, 0, 0, 5))
    assert [difference.pair for difference in comparison.differences()] == [(1, 5)]
    assert len(comparison.blocks) == 2


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        (
            make_table(1, "01/2018"),
            make_table(1, "2018"),
            "no column in common: one has 01/2018, the other 2018",
        ),
        (make_table(1, "01/2018"), make_table(1, "01/2018", packages=("Basic",)), "a block for each package"),
        (
            make_table(1, "1", packages=("Basic",)),
            make_table(1, "1", packages=("Extra",)),
            "no package in common",
        ),
        (make_table(1), make_table(1, "Basic"), "one has none, the other Basic"),
    ],
)
def test_the_reason_for_not_comparable_is_named(left, right, why):
    with pytest.raises(NotComparable, match=why):
        compare(left, right)
