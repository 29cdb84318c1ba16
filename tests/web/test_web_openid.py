"""Signing in by way of an OpenID provider: what its groups grant, and what of its answers is not believed."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import openid_provider
import pytest
from joserfc.jwk import RSAKey

from orchestration.errors import RequestError
from orchestration.settings import settings
from orchestration.web.sign_in import users
from orchestration.web.sign_in.openid import granted, grants
from orchestration.web.visitor import Role

ROLES = {
    "finance": "analyst",
    "it": "admin",
    "everybody": "viewer",
    "northline": "viewer:R-17",
    "rival": "viewer:R-18",
}


@pytest.fixture(scope="module")
def running_provider():
    with openid_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(running_provider, monkeypatch):
    """The provider that the settings name; it begins with the truth."""
    running_provider.begin_anew()
    for name, value in {
        "URL": running_provider.url,
        "CLIENT_ID": openid_provider.CLIENT_ID,
        "CLIENT_SECRET": openid_provider.CLIENT_SECRET,
        "ROLES": json.dumps(ROLES),
    }.items():
        monkeypatch.setenv(f"DYNAMICS_OIDC_{name}", value)
    settings.cache_clear()
    yield running_provider
    settings.cache_clear()


@pytest.fixture
def vera(provider, browser):
    """Somebody who is signed in at the provider, and here only through it."""
    return Person(browser)


class Person:
    """A browser, and the way that it takes through the provider's pages."""

    def __init__(self, browser):
        self.browser = browser

    def get(self, address):
        return self.browser.get(address, follow_redirects=False)

    def way_back(self, next_page="/users"):
        """What the provider makes this browser ask us."""
        start = self.get(f"/sign-in/openid/start?next={next_page}")
        assert start.status_code == 302
        back = httpx.get(start.headers["location"]).headers["location"]
        assert back.startswith("http://127.0.0.1/sign-in/openid/callback?")
        return back

    def sign_in(self, next_page="/users"):
        return self.get(self.way_back(next_page))


def test_a_group_of_the_provider_becomes_a_role(provider, vera, database):
    page = vera.get("/sign-in?next=/users").text
    assert 'href="/sign-in/openid/start?next=%2Fusers"' in page
    assert "password" not in page
    provider.claims["groups"] = ["it", "unknown"]
    answer = vera.sign_in()
    assert (answer.status_code, answer.headers["location"]) == (303, "/users")
    users_page = vera.get("/users").text
    assert "vera@example.com" in users_page
    assert "OpenID" in users_page
    (row,) = database.execute("select name, role, owner_id, password_hash from dynamics.users").fetchall()
    assert row == ("vera@example.com", "admin", None, None)


def test_what_the_provider_says_next_time_counts_for_all_sessions_at_once(
    provider, vera, open_archive, browse
):
    provider.claims["groups"] = ["it"]
    vera.sign_in()
    assert vera.get("/users").status_code == 200
    elsewhere = Person(browse(open_archive))
    provider.claims["groups"] = ["northline"]
    elsewhere.sign_in()
    assert vera.get("/users").status_code == 403
    provider.claims["groups"] = ["unknown"]
    assert elsewhere.sign_in().status_code == 403
    assert vera.get("/users").status_code == 303


def test_whoever_has_no_group_of_ours_gets_nothing(provider, vera, database):
    for groups in (
        [],
        ["unknown"],
        None,
        "unknown",
        {"finance": 1},
        ["northline", "rival"],
        ["it", "northline"],
    ):
        provider.claims["groups"] = groups
        assert vera.sign_in().status_code in (400, 403)
    assert database.execute("select count(*) from dynamics.users").fetchone() == (0,)


def test_nobody_becomes_a_user_who_is_here_already(provider, vera, database):
    users.add(database, "Vera@example.com", "correct horse battery", Role.ADMIN, base_currency="USD")
    database.commit()
    assert vera.sign_in().status_code == 403
    assert vera.get("/users").status_code == 303


def test_next_leads_nowhere_else(vera):
    assert vera.sign_in("https://evil.example").headers["location"] == "/"


@pytest.mark.parametrize(
    "lies",
    [
        {"nonce": "another"},
        {"aud": "another client"},
        {"iss": "https://another.example"},
        {"exp": int(time.time()) - 3600},
        {"sub": None},
    ],
)
def test_an_id_token_that_is_not_for_this_sign_in_is_not_believed(provider, vera, database, lies):
    provider.lies = lies
    assert vera.sign_in().status_code == 400
    assert database.execute("select count(*) from dynamics.users").fetchone() == (0,)


def test_an_id_token_of_another_key_is_not_believed(provider, vera):
    provider.signs_with = RSAKey.generate_key(2048, {"kid": "1"})
    assert vera.sign_in().status_code == 400


def test_a_callback_that_this_browser_did_not_begin_is_refused(provider, vera, open_archive, browse):
    planted = Person(browse(open_archive)).way_back()
    assert vera.get(planted).status_code == 400
    back = vera.way_back()
    address = urlsplit(back)
    state = parse_qs(address.query)["state"][0]
    assert vera.get(back.replace(state, "x" * len(state))).status_code == 400
    assert vera.get("/sign-in/openid/callback").status_code == 400
    assert vera.get("/sign-in/openid/callback?error=access_denied").status_code == 400


def test_a_callback_counts_once(vera):
    back = vera.way_back()
    assert vera.get(back).status_code == 303
    assert vera.get(back).status_code == 400


def test_a_provider_that_is_away_is_no_error_of_ours(provider, monkeypatch, open_archive, browse):
    monkeypatch.setenv("DYNAMICS_OIDC_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    answer = Person(browse(open_archive)).get("/sign-in/openid/start")
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.text


def test_without_a_provider_there_are_no_such_pages(browser):
    assert browser.get("/sign-in/openid/start").status_code == 404


def test_a_provider_ends_the_local_admin(provider, vera):
    assert vera.get("/users").status_code == 303


def test_half_a_provider_is_refused_at_the_start(provider, monkeypatch, open_archive, browse):
    for name, value, says in (
        ("CLIENT_SECRET", "", "DYNAMICS_OIDC_URL needs"),
        ("ROLES", "", "DYNAMICS_OIDC_URL needs"),
        ("ROLES", "{", "setting DYNAMICS_OIDC_ROLES: it is no JSON"),
        ("ROLES", '{"a": "root"}', "gives group 'a' the role 'root'"),
        ("ROLES", '{"a": "admin:R-17"}', "gives group 'a' the role 'admin:R-17'"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"DYNAMICS_OIDC_{name}", value)
            settings.cache_clear()
            with pytest.raises(RequestError, match=says):
                browse(open_archive)
    settings.cache_clear()


def test_the_highest_role_counts_and_any_binding_binds():
    by_group = grants(ROLES)
    assert granted(["everybody", "finance"], by_group) == (Role.ANALYST, None)
    assert granted(["finance", "northline"], by_group) == (Role.ANALYST, "R-17")
    assert granted(["northline", "rival"], by_group) is None
    assert granted(["it", "northline"], by_group) is None
    assert granted([], by_group) is None
