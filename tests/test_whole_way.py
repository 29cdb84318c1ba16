"""From an extract to a link, and from a corrected extract to a new link. The old link stays."""

import shutil

import pytest
from cli_harness import GOLDEN, GOLDEN_QUERY, CliHarness
from starlette.testclient import TestClient

from orchestration.connections import open_archive
from orchestration.rendering import FORMATS
from orchestration.settings import settings
from orchestration.web.app import create_app


@pytest.fixture
def cli(monkeypatch, home, database_url, tmp_path):
    """Return the command line with an empty database."""
    yield CliHarness(monkeypatch, home, database_url, tmp_path)
    settings.cache_clear()


def open_link(snapshot_id):
    """Return the page of a snapshot and its stored file of each format."""
    with TestClient(create_app(open_archive)) as browser:
        answers = {
            fmt: browser.get("/view", params={"id": snapshot_id} | ({"format": fmt} if fmt else {}))
            for fmt in (None, *FORMATS)
        }
    assert {answer.status_code for answer in answers.values()} == {200}
    return {fmt: answer.content for fmt, answer in answers.items()}


def test_a_correction_changes_new_reports_and_no_old_link(cli):
    extract = cli.folder / "extract"
    shutil.copytree(GOLDEN / "source", extract)
    assert cli("load", extract).code == cli("build").code == 0
    old = cli("query", *GOLDEN_QUERY)
    before, objects = open_link(old.id), cli.objects()
    assert b"-870.00" in before["csv"]

    transactions = extract / "transactions.csv"
    corrected = transactions.read_text().replace(
        "-870.00,p1,2018-03-06T09:10:00Z", "-780.00,p1,2018-07-01T00:00:00Z"
    )
    transactions.write_text(corrected)
    loaded = cli("load", extract)
    assert "transactions    0 new, 1 changed" in loaded.out
    assert cli("build").code == 0

    new = cli("query", *GOLDEN_QUERY)
    assert open_link(new.id)["csv"] != before["csv"]
    assert b"-780.00" in open_link(new.id)["csv"]
    assert b"-870.00" not in open_link(new.id)["csv"]
    assert open_link(old.id) == before

    cli.execute("delete from dynamics.snapshots")
    assert cli("snapshots", "reindex").code == 0
    assert open_link(old.id) == before
    assert objects.items() < cli.objects().items()
    assert cli("snapshots", "verify").code == 0
