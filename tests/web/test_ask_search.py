"""The form's searches: quick among many, exact about namesakes, and silent about what is somebody else's."""

import time

import pytest
from small_world import HOSTILE, database_url  # noqa: F401 - a fixture
from stores import alter_store

from orchestration.builds.store import current_build
from orchestration.web.ask.known import KINDS, search
from orchestration.web.visitor import Role

pytestmark = pytest.mark.usefixtures("templates")


def found(browser, kind, text=""):
    answer = browser.get(f"/search/{kind}", params={"q": text})
    assert answer.status_code == 200
    return [each["value"] for each in answer.json()["found"]]


def test_a_search_finds_what_has_the_letters_in_its_name_or_id_what_begins_with_them_first(browser):
    assert found(browser, "owners", "NORTH") == ["Northline"]
    assert found(browser, "owners", "r2") == ["Meridian"]
    assert found(browser, "tags", "re") == ["retail", "net 30, prepaid", "secret vip"]
    assert found(browser, "packages") == ["Basic", "Gold of Meridian"]
    assert found(browser, "currencies", "u") == ["USD", "EUR"]
    assert found(browser, "owners", "%") == found(browser, "owners", "_") == []


def test_a_name_that_two_bear_goes_into_the_query_as_an_id(browser):
    assert found(browser, "owners", "twin") == ["r3", "r4"]
    labels = browser.get("/search/owners?q=twin").json()["found"]
    assert {(each["label"], each["note"]) for each in labels} == {("Twin", "r3"), ("Twin", "r4")}


def test_hostile_words_are_searched_for_and_nothing_else(browser):
    for text in ("'; drop table dynamics.builds; --", "\0", "\\", "x" * 5000, "💩"):
        for kind in KINDS:
            assert found(browser, kind, text) in ([], found(browser, kind))
    assert found(browser, "owners", HOSTILE) == [HOSTILE]


def test_timezones_are_found_by_their_city(browser):
    assert found(browser, "timezones", "kyi") == ["Europe/Kyiv"]
    assert found(browser, "timezones", "new york")[0] == "America/New_York"
    assert found(browser, "timezones", "utc")[0] == "Etc/UTC"
    assert len(found(browser, "timezones")) == 20


def test_an_interval_is_told_in_days(browser):
    told = browser.get("/search/interval?from=2018-01-01&to=2018-01-31&timezone=Asia/Kathmandu").json()
    assert told == {"words": "2018-01-01 00:00:00 to 2018-01-31 23:59:59"}
    assert browser.get("/search/interval?interval=nonsense").json() == {"words": ""}


def test_who_is_bound_to_a_reseller_finds_what_is_that_ones(signed_in_as):
    petro = signed_in_as(Role.ANALYST, "r1")
    assert found(petro, "owners") == ["Northline"]
    assert found(petro, "owners", "r2") == []
    assert found(petro, "tags") == ["net 30, prepaid", "retail"]
    assert found(petro, "packages") == ["Basic"]


def test_a_search_among_a_hundred_thousand_clients_takes_a_blink(database):
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
                search(build, kind, "1", owner_id)
                assert time.perf_counter() - began < 1, "a tenth of it on an idle machine"
