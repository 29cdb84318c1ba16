"""What differs between two reports: nothing is missed, nothing is invented, and left plus difference is right."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.reporting.compare import NotComparable, compare
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit

MONEY = st.none() | st.decimals(-1000, 1000, places=2)
QUANTITY = st.none() | st.integers(0, 1000)
WITHOUT = st.none()
LABELS = st.lists(st.sampled_from(("01/2018", "02/2018", "03/2018", "04/2018")), min_size=1, max_size=3)


@st.composite
def tables(draw, columns=LABELS, packages=WITHOUT):
    """A table of few columns; with packages it has a block for each, two of which can bear one name."""
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
ANY = tables() | tables(packages=PACKAGES)


@given(ANY)
def test_a_report_does_not_differ_from_itself(table):
    found = compare(table, table)
    assert list(found.differences()) == []
    assert (found.columns, found.only_left, found.only_right) == (table.columns, (), ())
    assert found.cells == sum(len(row) for block in table.blocks for row in block.cells)
    assert found.largest(Unit.MONEY) is None


def compared(left, right):
    try:
        return compare(left, right)
    except NotComparable:
        return None


@given(ANY, ANY)
def test_left_plus_difference_is_right_and_the_other_way_round_it_is_the_opposite(left, right):
    there, back = compared(left, right), compared(right, left)
    assert (there is None) == (back is None)
    if there is None or back is None:
        return
    for block in there.blocks:
        for metric, pairs in zip(METRICS, block.cells, strict=True):
            for pair in pairs:
                if pair.difference is None:
                    assert None in pair
                else:
                    assert pair.left + pair.difference == pair.right
                    assert type(pair.difference) is (int if metric.unit is Unit.QUANTITY else Decimal)
    opposite = sorted((str(d), d.pair.right, -d.pair.difference) for d in numbers(there))
    assert sorted(d.pair.difference for d in numbers(there)) == sorted(
        -d.pair.difference for d in numbers(back)
    )
    assert len(opposite) == len(numbers(back))
    assert (there.only_left, there.only_right) == (back.only_right, back.only_left)


def numbers(found):
    return [one for one in found.differences() if one.pair.difference is not None]


@given(
    tables(columns=st.just(["01/2018", "02/2018"])),
    st.integers(0, len(METRICS) - 1),
    st.integers(0, 1),
    st.data(),
)
def test_a_cell_that_was_changed_is_the_one_that_is_found(table, row, column, data):
    before = table.blocks[0].cells[row][column]
    kinds = QUANTITY if METRICS[row].unit is Unit.QUANTITY else MONEY
    after = data.draw(kinds.filter(lambda value: value != before))
    (found,) = compare(table, changed(table, row, column, after)).differences()
    assert (found.metric, found.column, found.pair) == (METRICS[row], table.columns[column], (before, after))


def changed(table, row, column, value):
    cells = [list(cells) for cells in table.blocks[0].cells]
    cells[row][column] = value
    block = replace(table.blocks[0], cells=tuple(map(tuple, cells)))
    return replace(table, blocks=(block, *table.blocks[1:]))


def plain(value, *columns, packages=(None,)):
    """A table of that one number."""
    block = tuple((value,) * len(columns) for _ in METRICS)
    return ReportTable(
        columns, tuple(Block(name, block) for name in packages), by_package=packages != (None,)
    )


def test_nothing_at_all_and_zero_are_not_the_same_but_have_no_difference_in_numbers():
    found = compare(plain(None, "Total"), plain(0, "Total"))
    assert {one.pair.difference for one in found.differences()} == {None}
    assert len(list(found.differences())) == len(METRICS)
    assert found.largest(Unit.QUANTITY) is None


def test_the_largest_difference_is_the_one_farthest_from_zero():
    left = plain(Decimal("5.00"), "01/2018", "02/2018")
    right = changed(changed(left, 1, 0, Decimal("7.00")), 2, 1, Decimal("-9.00"))
    largest = compare(left, right).largest(Unit.MONEY)
    assert (largest.metric, largest.column, largest.pair.difference) == (
        METRICS[2],
        "02/2018",
        Decimal("-14.00"),
    )


def test_what_both_have_is_compared_and_what_one_has_is_named():
    found = compare(
        plain(1, "01/2018", "02/2018", packages=("Basic",)),
        plain(2, "02/2018", "03/2018", packages=("Basic", "New")),
    )
    assert (found.columns, [block.package for block in found.blocks]) == (("02/2018",), ["Basic"])
    assert (found.only_left, found.only_right) == (("01/2018",), ("03/2018", "New"))
    assert found.cells == len(METRICS)


def test_of_two_packages_of_one_name_the_first_goes_with_the_first():
    left = plain(1, "Total", packages=("Basic", "Basic"))
    found = compare(left, changed(left, 0, 0, 5))
    assert [one.pair for one in found.differences()] == [(1, 5)]
    assert len(found.blocks) == 2


@pytest.mark.parametrize(
    ("left", "right", "why"),
    [
        (plain(1, "01/2018"), plain(1, "2018"), "no column in common: one has 01/2018, the other 2018"),
        (plain(1, "01/2018"), plain(1, "01/2018", packages=("Basic",)), "a block for each package"),
        (plain(1, "1", packages=("Basic",)), plain(1, "1", packages=("Extra",)), "no package in common"),
        (plain(1), plain(1, "Basic"), "one has none, the other Basic"),
    ],
)
def test_why_two_cannot_be_compared_is_said(left, right, why):
    with pytest.raises(NotComparable, match=why):
        compare(left, right)
