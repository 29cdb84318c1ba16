"""Tests of the DataFrames for analysts."""

import csv
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import openpyxl
import pandas as pd
import pytest

from orchestration import analysis
from orchestration.archive import SnapshotNotFound
from orchestration.errors import RequestError
from orchestration.reporting.table import METRICS

EXPECTED = Path(__file__).parents[1] / "golden" / "expected.csv"


def expected_cells():
    with EXPECTED.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    return header[2:], {(row[0], row[1]): row[2:] for row in rows}


def test_report_has_the_golden_cells(golden_marts):
    labels, cells = expected_cells()
    frame = analysis.report(from_="2018-01-01", to="2018-12-31", group_by="month")

    assert frame.index.names == ["section", "metric"]
    assert list(frame.index) == [(metric.section, metric.name) for metric in METRICS]
    assert isinstance(frame.columns, pd.PeriodIndex)
    assert list(frame.columns.strftime("%m/%Y")) == labels
    assert set(map(str, frame.dtypes)) == {"Float64"}
    for row, values in cells.items():
        for value, cell in zip(values, frame.loc[row], strict=True):
            assert cell is pd.NA if value == "N/A" else cell == float(value)


def test_exact_report_keeps_decimals(golden_marts):
    _, cells = expected_cells()
    frame = analysis.report(from_="2018-01-01", to="2018-12-31", group_by="month", exact=True)
    for row, values in cells.items():
        for value, cell in zip(values, frame.loc[row], strict=True):
            if value == "N/A":
                assert cell is pd.NA
            else:
                assert cell == Decimal(value)
                assert isinstance(cell, int if row[1].endswith("Qty") else Decimal)


@pytest.mark.parametrize(
    ("group_by", "frequency", "columns"), [("year", "Y-DEC", 1), ("month", "M", 12), ("date", "D", 365)]
)
def test_columns_are_periods_of_the_time_group(golden_marts, group_by, frequency, columns):
    frame = analysis.report(from_="2018-01-01", to="2018-12-31", group_by=group_by)
    assert isinstance(frame.columns, pd.PeriodIndex)
    assert frame.columns.freqstr == frequency
    assert len(frame.columns) == columns
    assert frame.columns[0].start_time == pd.Timestamp("2018-01-01")


def test_report_without_groups_has_one_total(golden_marts):
    assert list(analysis.report(interval={"from": "2018-01-01", "to": "2018-12-31"}).columns) == ["Total"]


def test_report_by_package_has_packages_as_columns(golden_marts):
    frame = analysis.report(from_="2018-01-01", to="2018-12-31", group_by="package_name")
    assert frame.columns.name == "package"
    assert "No package" in frame.columns


def test_wrong_parameter_is_a_request_error(golden_marts):
    with pytest.raises(RequestError, match="currency"):
        analysis.report(interval="last 12 months", currency="euro")


def test_snapshot_equals_the_report(golden_snapshot):
    frame = analysis.snapshot(golden_snapshot.manifest.id)
    computed = analysis.report(from_="2018-01-01", to="2018-12-31", group_by="month")
    pd.testing.assert_frame_equal(frame, computed)
    assert frame.attrs["title"] == "Golden"
    assert frame.attrs["currency"] == "USD"
    assert frame.attrs["as_of"] == golden_snapshot.manifest.as_of


def test_snapshot_opens_by_its_link(golden_snapshot):
    by_link = analysis.snapshot(golden_snapshot.manifest.link)
    pd.testing.assert_frame_equal(by_link, analysis.snapshot(golden_snapshot.manifest.id))


def test_unknown_snapshot_is_not_found(golden_snapshot):
    with pytest.raises(SnapshotNotFound):
        analysis.snapshot("nope")


def test_snapshots_lists_the_newest_first(golden_snapshot, package_snapshot):
    listed = analysis.snapshots(saved_query="monthly")
    ids = [package_snapshot.manifest.id, golden_snapshot.manifest.id]
    assert list(listed.index[:2]) == ids
    assert list(listed["title"][:2]) == ["Packages", "Golden"]
    assert str(listed.dtypes["opens"]) == "Int64"
    assert str(listed.dtypes["generated_at"]) == "datetime64[us, UTC]"
    assert list(analysis.snapshots(limit=1).index) == ids[:1]
    assert set(ids) <= set(analysis.snapshots(limit=None).index)


def test_no_snapshots_is_an_empty_frame(golden_snapshot):
    assert analysis.snapshots(saved_query="other").empty


def test_clients_add_up_to_each_cell(golden_snapshot):
    frame = analysis.snapshot(golden_snapshot.manifest.id, exact=True)
    for section in ("Clients - Active", "Clients - Overall Active", "Clients - All"):
        for period in frame.columns:
            found = analysis.clients(frame, section, "Balance", period, exact=True)
            cell = frame.loc[(section, "Balance"), period]
            assert sum(found["converted"]) == (0 if cell is pd.NA else cell)
            counted = analysis.clients(frame, section, "Qty", str(period))
            assert len(counted) == frame.loc[(section, "Qty"), period]


def test_clients_have_nullable_types(golden_snapshot):
    found = analysis.clients(golden_snapshot.manifest.link, "Clients - All", "Balance", "2018-12")
    assert found.index.name == "client_id"
    assert str(found.dtypes["balance"]) == "Float64"
    assert str(found.dtypes["name"]) == "string"
    assert found["converted"].abs().is_monotonic_decreasing


def test_clients_of_one_package(package_snapshot):
    frame = analysis.snapshot(package_snapshot.manifest.id)
    assert frame.index.names == ["package", "section", "metric"]
    for package in frame.index.unique("package"):
        found = analysis.clients(frame, "Clients - All", "Qty", "2018-12", package=package)
        assert len(found) == frame.loc[(package, "Clients - All", "Qty"), "2018-12"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("Balance Refill", "Total", "2018-12"), "no drill-down"),
        (("Clients - All", "Qty", "2019-01"), "no column 2019-01"),
        (("Clients - All", "Qty", "soon"), "not a period"),
    ],
)
def test_cell_without_clients_is_a_request_error(golden_snapshot, arguments, message):
    with pytest.raises(RequestError, match=message):
        analysis.clients(golden_snapshot.manifest.id, *arguments)


def test_clients_need_a_package_in_a_report_by_package(package_snapshot):
    with pytest.raises(RequestError, match="name one of the packages"):
        analysis.clients(package_snapshot.manifest.id, "Clients - All", "Qty", "2018-12")


def test_clients_need_a_stored_snapshot(golden_marts):
    frame = analysis.report(from_="2018-01-01", to="2018-12-31", group_by="month")
    with pytest.raises(RequestError, match="not from a snapshot"):
        analysis.clients(frame, "Clients - All", "Qty", "2018-12")


def test_styled_frame_writes_a_workbook(golden_snapshot, tmp_path):
    frame = analysis.snapshot(golden_snapshot.manifest.id)
    path = tmp_path / "report.xlsx"
    analysis.style(frame).to_excel(path, na_rep="N/A")
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert [cell.value for cell in sheet[1]][2:] == [str(period) for period in frame.columns]
    assert sheet.max_row == len(frame) + 1
    cells = {
        (row, column): sheet.cell(row + 2, column + 3)
        for row in range(len(frame))
        for column in range(len(frame.columns))
    }
    for (row, column), cell in cells.items():
        value = frame.iloc[row, column]
        assert cell.value == ("N/A" if value is pd.NA else value)
        is_quantity = frame.index[row][1].endswith("Qty")
        assert cell.number_format == ("#,##0" if is_quantity else "#,##0.00")


def test_pandas_is_imported_by_analysis_only():
    modules = "cli, connections, definitions, cli.demo, snapshots, web.app, scheduling.supervisor"
    code = (
        "import importlib, sys\n"
        f"for name in {modules.split(', ')}: importlib.import_module(f'orchestration.{{name}}')\n"
        "print('pandas' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
