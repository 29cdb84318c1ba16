"""The main job of a new user: every file, mail and link that `dynamics demo` prints exists."""

import csv
import json
import os
import re
import subprocess
import sys
from decimal import Decimal
from email import message_from_bytes, policy
from pathlib import Path
from urllib.parse import urlsplit

import openpyxl
import xlrd
from starlette.testclient import TestClient

from orchestration import local
from orchestration.connections import open_archive
from orchestration.rendering import FORMATS
from orchestration.reporting.table import ReportTable
from orchestration.resources import PROJECT_ROOT
from orchestration.settings import settings
from orchestration.web.app import create_app


def test_the_demo_prints_files_mails_and_links_that_exist(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("DYNAMICS_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        sections = run_demo()
        links = dict(line.split() for line in sections["links"])
        snapshot_ids = {name: link.rpartition("=")[2] for name, link in links.items()}
        assert set(snapshot_ids) == {path.stem for path in settings().templates.glob("*.yaml")}
        check_files([Path(line.strip()) for line in sections["files"]], snapshot_ids)
        check_mails([Path(line.strip().partition("  to ")[0]) for line in sections["mails"]], snapshot_ids)
        check_links(links.values())
    finally:
        local.stop(tmp_path)
        settings.cache_clear()


def run_demo():
    """Run the demo. Return the lines of its last sections, `files`, `mails` and `links`."""
    process = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "demo"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, ""), process.stdout + process.stderr
    steps, *sections = re.split(r"^(files|mails|links).*\n", process.stdout, flags=re.MULTILINE)
    assert all(re.search(r" … \d+\.\d s$", line) for line in steps.splitlines()), steps
    return {name: text.splitlines() for name, text in zip(sections[::2], sections[1::2], strict=True)}


def check_files(files, snapshot_ids):
    """Check that each saved query has a file of each format with the cells of its snapshot."""
    with open_archive() as (archive, _):
        tables = {name: archive.open(snapshot_id).table() for name, snapshot_id in snapshot_ids.items()}
    for name, table in tables.items():
        by_format = {path.suffix[1:]: path for path in files if path.parent.name == name}
        assert set(by_format) == set(FORMATS)
        assert any(cell for _, _, row in table.rows() for cell in row), f"{name} is empty"
        plain = [table.header(), *([*texts, *map(format_csv_cell, row)] for texts, _, row in table.rows())]
        typed = [table.header(), *([*texts, *map(format_sheet_cell, row)] for texts, _, row in table.rows())]
        with by_format["csv"].open(encoding="utf-8-sig", newline="") as file:
            assert list(csv.reader(file)) == plain
        sheet = openpyxl.load_workbook(by_format["xlsx"])["Report"]
        assert [list(row) for row in sheet.iter_rows(values_only=True)] == typed
        old = xlrd.open_workbook(by_format["xls"]).sheet_by_name("Report")
        assert [old.row_values(y) for y in range(old.nrows)] == typed
        stored = json.loads(by_format["json"].read_text(encoding="utf-8"))["table"]
        assert ReportTable.from_json(stored) == table


def check_mails(paths, snapshot_ids):
    """Check that every saved query with recipients has a mail with its link and its files."""
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    mailed = {mail["X-Customer-Dynamics-Snapshot"] for mail in mails}
    assert mailed == {snapshot_ids[name] for name in snapshot_ids if name != "vip_packages"}
    for mail in mails:
        link = f"/view?id={mail['X-Customer-Dynamics-Snapshot']}"
        assert link in mail.get_body(("plain",)).get_content()
        assert link in mail.get_body(("html",)).get_content()
        assert [part.get_filename() for part in mail.iter_attachments()]


def check_links(links):
    """Check that each link opens a report."""
    browser = TestClient(create_app(open_archive))
    for link in links:
        address = urlsplit(link)
        page = browser.get(f"{address.path}?{address.query}")
        assert page.status_code == 200
        assert "Clients - Overall Active" in page.text


def format_csv_cell(cell):
    """Return a cell as in a CSV."""
    return "N/A" if cell is None else f"{cell:.2f}" if isinstance(cell, Decimal) else str(cell)


def format_sheet_cell(cell):
    """Return a cell as in a worksheet."""
    return "N/A" if cell is None else float(cell)
