"""A snapshot of every format version opens with its own rows and bytes, in this and later releases.

Each folder in `formats` has the objects of one snapshot, as that version of the product stored
them. To add a version, copy the objects of a snapshot from a bucket without versions.
"""

import csv
import io
import json
import re
import sys
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from html import escape
from itertools import groupby
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from orchestration.archive import Archive, Manifest
from orchestration.deliveries.report_generation import find_problems
from orchestration.rendering import FORMATS, format_text_table, html_table
from orchestration.reporting.comparison import compare
from orchestration.reporting.table import FORMAT_VERSION, METRICS, Block, Metric, ReportTable, Unit
from orchestration.web.app import create_app

FOLDERS = {folder.name: folder for folder in sorted((Path(__file__).parent / "formats").iterdir())}
NEW_METRIC = Metric("Packages", "Cancel Qty", Unit.QUANTITY)


@pytest.fixture
def archive(store, database):
    """Return an archive in a bucket with the stored snapshots of all versions."""
    for folder in FOLDERS.values():
        snapshot_id = read_manifest(folder).id
        for file in folder.iterdir():
            store.put_new(f"snapshots/{snapshot_id}/{file.name}", file.read_bytes(), "text/plain")
    archive = Archive(store, database, "https://reports.example.com")
    assert archive.reindex() == len(FOLDERS)
    return archive


@pytest.fixture
def open_browser(archive, database):
    """Return a function that opens a browser at the pages, as the local admin."""

    @contextmanager
    def open_archive():
        yield archive, database

    return lambda: TestClient(create_app(open_archive), "http://127.0.0.1")


@pytest.fixture(params=[(*METRICS, NEW_METRIC), METRICS[:-1]], ids=["one more", "one less"])
def change_metrics(request, monkeypatch):
    """Return a function that adds a metric to the reports of this process, or removes one."""

    def change():
        for name, module in list(sys.modules.items()):
            if name.startswith("orchestration.") and getattr(module, "METRICS", None) is METRICS:
                monkeypatch.setattr(module, "METRICS", request.param)

    return change


def read_manifest(folder):
    return Manifest.model_validate_json((folder / "manifest.json").read_bytes())


def read_file(folder, name):
    """Return the content of a stored file by its name in the manifest."""
    return (folder / read_manifest(folder).files[name].key.rpartition("/")[2]).read_bytes()


def read_csv(folder):
    """Return the table in the stored CSV, which no code of the archive has read."""
    text = read_file(folder, "csv").decode("utf-8-sig")
    (_, _, _, *labels), *rows = csv.reader(io.StringIO(text, newline=""))
    metrics = tuple(
        Metric(section, name, Unit.QUANTITY if name.endswith("Qty") else Unit.MONEY)
        for package, section, name, *_ in rows
        if package == rows[0][0]
    )
    blocks = [
        Block(package, tuple(tuple(map(parse_cell, cells)) for _, _, _, *cells in members), metrics)
        for package, members in groupby(rows, key=lambda row: row[0])
    ]
    return ReportTable(tuple(labels), tuple(blocks), by_package=True)


def parse_cell(text):
    if text == "N/A":
        return None
    return Decimal(text) if "." in text else int(text)


def open_pages(browser, folder):
    """Return the pages and files of a snapshot by address, without the tokens of forms."""
    snapshot_id = read_manifest(folder).id
    view = f"/view?id={snapshot_id}"
    drill = f"/drill?id={snapshot_id}&row=Clients+-+All/Qty&column=11&block=0"
    addresses = [
        view,
        *(f"{view}&format={fmt}" for fmt in FORMATS),
        f"/chart?id={snapshot_id}&chart=balance_refill_total&format=json",
        drill,
        f"{drill}&format=csv",
        f"/archive/compare?left={snapshot_id}&right={snapshot_id}",
    ]
    answers = {address: browser.get(address) for address in addresses}
    assert {address: answer.status_code for address, answer in answers.items()} == dict.fromkeys(
        addresses, 200
    )
    token = re.compile(rb'name="csrf" (content|value)="[^"]*"')
    return {address: token.sub(b"", answer.content) for address, answer in answers.items()}


def test_the_current_version_has_a_stored_snapshot():
    assert set(FOLDERS) == {str(version) for version in range(1, FORMAT_VERSION + 1)}
    for version, folder in FOLDERS.items():
        assert read_manifest(folder).schema_version == int(version)
        assert json.loads(read_file(folder, "table")).get("version", 1) == int(version)


@pytest.mark.parametrize("version", FOLDERS)
def test_every_version_opens_with_its_page_and_its_bytes(version, archive, open_browser):
    folder = FOLDERS[version]
    manifest = read_manifest(folder)
    snapshot = archive.open(manifest.id)
    assert snapshot.manifest == manifest
    assert snapshot.table() == read_csv(folder)
    (verdict,) = archive.verify([manifest.id])
    assert (verdict.sound_objects, verdict.problems) == (len(manifest.files) + 1, ())
    assert find_problems(snapshot, manifest.generated_at) == []

    pages = open_pages(open_browser(), folder)
    page = pages[f"/view?id={manifest.id}"].decode()
    assert html_table(read_csv(folder)) in page
    assert escape(manifest.title) in page
    for label, value in manifest.info:
        if label not in ("Title", "Link"):
            assert escape(label) in page
            assert escape(value) in page
    for fmt in FORMATS:
        assert pages[f"/view?id={manifest.id}&format={fmt}"] == read_file(folder, fmt)


@pytest.mark.parametrize("version", FOLDERS)
def test_another_metric_changes_no_page_of_an_old_snapshot(version, archive, open_browser, change_metrics):
    folder = FOLDERS[version]
    table = read_csv(folder)
    before, text = open_pages(open_browser(), folder), format_text_table(table)
    change_metrics()
    assert open_pages(open_browser(), folder) == before
    snapshot = archive.open(read_manifest(folder).id)
    assert snapshot.table() == table
    assert format_text_table(snapshot.table()) == text


def test_reports_with_other_rows_are_compared_by_row_name():
    old = read_csv(FOLDERS["1"])
    new = replace(
        old,
        blocks=tuple(
            Block(
                block.package,
                (tuple(0 for _ in old.columns), *block.cells[1:]),
                (NEW_METRIC, *block.metrics[1:]),
            )
            for block in old.blocks
        ),
    )
    comparison = compare(old, new)
    assert [block.metrics for block in comparison.blocks] == [METRICS[1:]] * len(old.blocks)
    assert list(comparison.differences()) == []
