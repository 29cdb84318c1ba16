"""A chart has one spec for page, mail and file, and it shows only the cells of the table."""

import pytest
from rendering_tables import HOSTILE, block, labels, table, table_by_package

from orchestration.errors import RequestError
from orchestration.rendering import (
    CHART_PRESETS,
    Chart,
    Mark,
    build_chart_rows,
    build_chart_spec,
    find_chart_preset,
    render_chart_png,
    render_chart_svg,
)
from orchestration.reporting.table import ReportTable

REFILL = CHART_PRESETS["balance_refill_total"]


def points(of, chart):
    return [(p["label"], p["series"], p["value"]) for p in build_chart_spec(of, chart)["data"]["values"]]


def test_each_preset_draws_one_row():
    assert {name: preset.title for name, preset in CHART_PRESETS.items()} == {
        "clients_active_qty": "Clients - Active: Qty",
        "balance_refill_total": "Balance Refill: Total",
        "pay_as_you_go_total": "Pay As You Go: Total",
        "packages_renew_total": "Packages: Renew Total",
    }
    assert {row for preset in CHART_PRESETS.values() for row in preset.rows} <= set(build_chart_rows(table()))


def test_na_is_a_gap_and_zero_is_zero():
    assert [value for _, _, value in points(table(), REFILL)] == [None, -12.5, -12.5]
    assert [value for _, _, value in points(table(), CHART_PRESETS["clients_active_qty"])] == [0, 7, 7]


def test_one_series_is_bars_and_packages_are_lines():
    assert build_chart_spec(table(), REFILL)["mark"]["type"] == "bar"
    spec = build_chart_spec(table_by_package("Gold", "Silver"), REFILL)
    assert spec["mark"]["type"] == "line"
    assert spec["encoding"]["color"]["scale"]["domain"] == ["Gold", "Silver"]


def test_several_rows_are_grouped_or_stacked_bars():
    rows = ("Balance Refill: Qty", "Clients - All: Qty")
    assert {series for _, series, _ in points(table(), Chart(rows))} == set(rows)
    bars = build_chart_spec(table(), Chart(rows, Mark.BAR))["encoding"]
    assert (bars["xOffset"]["field"], bars["y"]["stack"]) == ("series", None)
    stacked = build_chart_spec(table(), Chart(rows, Mark.BAR, stacked=True))["encoding"]
    assert ("xOffset" in stacked, stacked["y"]["stack"]) == (False, "zero")


def test_a_chart_can_be_limited_to_packages_and_columns():
    of = table_by_package("Gold", "Silver")
    limited = Chart(REFILL.rows, packages=("Silver",), first="02/2018", last="02/2018")
    assert points(of, limited) == [("02/2018", "Silver", -12.5)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"rows": ("Profit: Total",)},
        {"packages": ("Bronze",)},
        {"first": "01/2017"},
        {"first": "03/2018", "last": "01/2018"},
    ],
)
def test_an_unknown_row_package_or_column_is_refused(wrong):
    with pytest.raises(RequestError, match=r"[:] "):
        build_chart_spec(table_by_package("Gold"), Chart(**({"rows": REFILL.rows} | wrong)))


def test_two_packages_with_one_name_are_two_bars():
    twins = ReportTable(("Gold", "Gold (2)", "Gold"), (block(columns=3),))
    assert [label for label, _, _ in points(twins, REFILL)] == ["Gold", "Gold (2)", "Gold (3)"]


def test_a_chart_shows_the_largest_of_many_packages():
    blocks = tuple(block(f"P{n}", 2, money=n) for n in range(12))
    spec = build_chart_spec(ReportTable(labels(2), blocks, by_package=True), REFILL)
    assert spec["encoding"]["color"]["scale"]["domain"] == [f"P{n}" for n in range(2, 12)]
    assert spec["title"]["subtitle"] == "the 10 largest of 12 series"


def test_pictures_use_no_network_and_run_no_script():
    of = table_by_package(*HOSTILE[:8])
    assert render_chart_png(of, REFILL).startswith(b"\x89PNG\r\n")
    svg = render_chart_svg(of, REFILL)
    assert svg.startswith("<svg")
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg


@pytest.mark.parametrize("of", [table(0), table(1), table_by_package()])
def test_an_empty_table_gives_an_empty_chart(of):
    assert render_chart_png(of, REFILL)


def test_an_unknown_preset_is_refused_with_a_list():
    with pytest.raises(RequestError, match="use clients_active_qty, "):
        find_chart_preset("profit")
