"""Tests of the suggestions for the fields of the query form."""

import time

import pytest
from small_world import HOSTILE
from stores import alter_store

from orchestration.accounts.visitor import Role
from orchestration.builds.store import current_build
from orchestration.web.query_form.lookups import KINDS, find_matches

pytestmark = pytest.mark.usefixtures("templates_folder")


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


def search(browser, kind, text=""):
    answer = browser.get(f"/search/{kind}", params={"q": text})
    assert answer.status_code == 200
    return [match["value"] for match in answer.json()["matches"]]


def test_search_finds_names_and_ids_beginnings_first(browser):
    assert search(browser, "owners", "NORTH") == ["Northline"]
    assert search(browser, "owners", "r2") == ["Meridian"]
    assert search(browser, "tags", "re") == ["retail", "net 30, prepaid", "secret vip"]
    assert search(browser, "packages") == ["Basic", "Gold of Meridian"]
    assert search(browser, "currencies", "u") == ["USD", "EUR"]
    assert search(browser, "owners", "%") == search(browser, "owners", "_") == []


def test_an_ambiguous_name_becomes_an_id(browser):
    assert search(browser, "owners", "twin") == ["r3", "r4"]
    matches = browser.get("/search/owners?q=twin").json()["matches"]
    assert {(match["label"], match["note"]) for match in matches} == {("Twin", "r3"), ("Twin", "r4")}


def test_hostile_search_texts_are_only_searched_for(browser):
    for text in ("'; drop table dynamics.builds; --", "\0", "\\", "x" * 5000, "💩"):
        for kind in KINDS:
            assert search(browser, kind, text) in ([], search(browser, kind))
    assert search(browser, "owners", HOSTILE) == [HOSTILE]


def test_timezones_are_found_by_city(browser):
    assert search(browser, "timezones", "kyi") == ["Europe/Kyiv"]
    assert search(browser, "timezones", "new york")[0] == "America/New_York"
    assert search(browser, "timezones", "utc")[0] == "Etc/UTC"
    assert len(search(browser, "timezones")) == 20


def test_an_interval_is_described_by_its_ends(browser):
    answer = browser.get("/search/interval?from=2018-01-01&to=2018-01-31&timezone=Asia/Kathmandu").json()
    assert answer == {"words": "2018-01-01 00:00:00 to 2018-01-31 23:59:59"}
    assert browser.get("/search/interval?interval=nonsense").json() == {"words": ""}


def test_a_bound_visitor_finds_only_own_names(sign_in_as):
    petro = sign_in_as(Role.ANALYST, "r1")
    assert search(petro, "owners") == ["Northline"]
    assert search(petro, "owners", "r2") == []
    assert search(petro, "tags") == ["net 30, prepaid", "retail"]
    assert search(petro, "packages") == ["Basic"]


def test_search_among_100_000_clients_is_fast(database):
    alter_store(
        database,
        "insert into part_1.clients select 1000 + n, 'x' || n, 'Client ' || n,"
        " case when n % 100 = 0 then 'reseller' else 'client' end, 'x' || (n % 1000) * 100, 'USD', now(),"
        " ['tag ' || n % 500] from range(1, 100001) as numbers (n)",
    )
    with current_build(database) as build:
        for owner_id in (None, "x100"):
            for kind in KINDS:
                began = time.perf_counter()
                find_matches(build, kind, "1", owner_id)
                assert time.perf_counter() - began < 1, "an idle machine needs a tenth of it"
