"""The main job, as somebody runs it who has just cloned the project: every file, mail and link that it names is there."""

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
from orchestration.settings import PROJECT_ROOT, settings
from orchestration.web import create_app


def test_the_demo_ends_well_and_all_that_it_names_is_there(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("DYNAMICS_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    try:
        said = run_demo()
        links = dict(line.split() for line in said["links"])
        snapshot_ids = {name: link.rpartition("=")[2] for name, link in links.items()}
        assert set(snapshot_ids) == {path.stem for path in settings().templates.glob("*.yaml")}
        files_say_what_the_snapshots_say([Path(line.strip()) for line in said["files"]], snapshot_ids)
        mails_bring_their_links(
            [Path(line.strip().partition("  to ")[0]) for line in said["mails"]], snapshot_ids
        )
        links_open(links.values())
    finally:
        local.stop(tmp_path)
        settings.cache_clear()


def run_demo():
    """Runs it, and gives the lines under `files`, `mails` and `links`, as it ends with them."""
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.demo"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr
    steps, *sections = re.split(r"^(files|mails|links).*\n", done.stdout, flags=re.MULTILINE)
    assert all(re.search(r" … \d+\.\d s$", line) for line in steps.splitlines()), steps
    return {name: text.splitlines() for name, text in zip(sections[::2], sections[1::2], strict=True)}


def files_say_what_the_snapshots_say(files, snapshot_ids):
    """Each saved query has each format, and a reader of that format finds the cells of the stored table."""
    with open_archive() as (archive, _):
        tables = {name: archive.open(snapshot_id).table() for name, snapshot_id in snapshot_ids.items()}
    for name, table in tables.items():
        found = {path.suffix[1:]: path for path in files if path.parent.name == name}
        assert set(found) == set(FORMATS)
        assert any(cell for _, _, row in table.rows() for cell in row), f"{name} is empty"
        plain = [table.header(), *([*texts, *map(written, row)] for texts, _, row in table.rows())]
        typed = [table.header(), *([*texts, *map(typed_cell, row)] for texts, _, row in table.rows())]
        with found["csv"].open(encoding="utf-8-sig", newline="") as file:
            assert list(csv.reader(file)) == plain
        sheet = openpyxl.load_workbook(found["xlsx"])["Report"]
        assert [list(row) for row in sheet.iter_rows(values_only=True)] == typed
        old = xlrd.open_workbook(found["xls"]).sheet_by_name("Report")
        assert [old.row_values(y) for y in range(old.nrows)] == typed
        stored = json.loads(found["json"].read_text(encoding="utf-8"))["table"]
        assert ReportTable.from_json(stored) == table


def mails_bring_their_links(paths, snapshot_ids):
    """Every saved query that goes to somebody is in a mail, which opens and has its link and its files."""
    mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in paths]
    mailed = {mail["X-Customer-Dynamics-Snapshot"] for mail in mails}
    assert mailed == {snapshot_ids[name] for name in snapshot_ids if name != "vip_packages"}
    for mail in mails:
        link = f"/view?id={mail['X-Customer-Dynamics-Snapshot']}"
        assert link in mail.get_body(("plain",)).get_content()
        assert link in mail.get_body(("html",)).get_content()
        assert [part.get_filename() for part in mail.iter_attachments()]


def links_open(links):
    """The pages show a report behind each link."""
    browser = TestClient(create_app(open_archive))
    for link in links:
        address = urlsplit(link)
        page = browser.get(f"{address.path}?{address.query}")
        assert page.status_code == 200
        assert "Clients - Overall Active" in page.text


def written(cell):
    """A cell as a CSV has it."""
    return "N/A" if cell is None else f"{cell:.2f}" if isinstance(cell, Decimal) else str(cell)


def typed_cell(cell):
    """A cell as a worksheet has it."""
    return "N/A" if cell is None else float(cell)
