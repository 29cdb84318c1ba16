"""The whole way: extract, marts, report, link; and what happens to an old link when the past is rerated."""

import shutil

import pytest
from desk import GOLDEN, GOLDEN_QUERY, Desk
from starlette.testclient import TestClient

from orchestration.connections import open_archive
from orchestration.rendering import FORMATS
from orchestration.settings import settings
from orchestration.web import create_app


@pytest.fixture
def desk(monkeypatch, home, database_url, tmp_path):
    yield Desk(monkeypatch, home, database_url, tmp_path)
    settings.cache_clear()


def behind(snapshot_id):
    """All that the link of a snapshot shows: the page, and the stored bytes of each format."""
    with TestClient(create_app(open_archive)) as browser:
        answers = {
            fmt: browser.get("/view", params={"id": snapshot_id} | ({"format": fmt} if fmt else {}))
            for fmt in (None, *FORMATS)
        }
    assert {answer.status_code for answer in answers.values()} == {200}
    return {fmt: answer.content for fmt, answer in answers.items()}


def test_rerating_changes_a_new_report_and_not_a_byte_behind_the_old_link(desk):
    extract = desk.folder / "extract"
    shutil.copytree(GOLDEN / "source", extract)
    assert desk("load", extract).code == desk("build").code == 0
    old = desk("query", *GOLDEN_QUERY)
    kept, objects = behind(old.id), desk.objects()
    assert b"-870.00" in kept["csv"]

    transactions = extract / "transactions.csv"
    corrected = transactions.read_text().replace(
        "-870.00,p1,2018-03-06T09:10:00Z", "-780.00,p1,2018-07-01T00:00:00Z"
    )
    transactions.write_text(corrected)
    loaded = desk("load", extract)
    assert "transactions    0 new, 1 changed" in loaded.out
    assert desk("build").code == 0

    new = desk("query", *GOLDEN_QUERY)
    assert behind(new.id)["csv"] != kept["csv"]
    assert b"-780.00" in behind(new.id)["csv"]
    assert b"-870.00" not in behind(new.id)["csv"]
    assert behind(old.id) == kept

    desk.execute("delete from dynamics.snapshots")
    assert desk("snapshots", "reindex").code == 0
    assert behind(old.id) == kept
    assert objects.items() < desk.objects().items()
    assert desk("snapshots", "verify").code == 0
