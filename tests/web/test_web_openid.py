"""Tests of the sign-in through an OpenID provider: granted roles and rejected answers."""

import json
import time
from urllib.parse import parse_qs, urlsplit

import httpx
import openid_provider
import pytest
from joserfc.jwk import RSAKey

from orchestration.accounts import users
from orchestration.accounts.visitor import Role
from orchestration.errors import RequestError
from orchestration.settings import settings
from orchestration.web.sign_in.openid import combine_grants, parse_grants

ROLES = {
    "finance": "analyst",
    "it": "admin",
    "everybody": "viewer",
    "northline": "viewer:R-17",
    "rival": "viewer:R-18",
}


@pytest.fixture(scope="module")
def running_provider():
    """Run a provider for all tests of the module."""
    with openid_provider.running() as provider:
        yield provider


@pytest.fixture
def provider(running_provider, monkeypatch):
    """Return the provider of the settings. It tells the truth at first."""
    running_provider.reset()
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
    """Return a person with an account at the provider, and none here."""
    return Person(browser)


class Person:
    """A browser, and its way through the pages of the provider."""

    def __init__(self, browser):
        self.browser = browser

    def get(self, address):
        return self.browser.get(address, follow_redirects=False)

    def authorize(self, next_page="/users"):
        """Return the address of the callback to which the provider redirects this browser."""
        start = self.get(f"/sign-in/openid/start?next={next_page}")
        assert start.status_code == 302
        callback = httpx.get(start.headers["location"]).headers["location"]
        assert callback.startswith("http://127.0.0.1/sign-in/openid/callback?")
        return callback

    def sign_in(self, next_page="/users"):
        return self.get(self.authorize(next_page))


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


def test_a_new_role_applies_to_all_sessions(provider, vera, open_archive, open_browser):
    provider.claims["groups"] = ["it"]
    vera.sign_in()
    assert vera.get("/users").status_code == 200
    elsewhere = Person(open_browser(open_archive))
    provider.claims["groups"] = ["northline"]
    elsewhere.sign_in()
    assert vera.get("/users").status_code == 403
    provider.claims["groups"] = ["unknown"]
    assert elsewhere.sign_in().status_code == 403
    assert vera.get("/users").status_code == 303


def test_a_user_without_a_known_group_has_no_access(provider, vera, database):
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


def test_the_provider_cannot_take_over_a_local_user(provider, vera, database):
    users.add(database, "Vera@example.com", "correct horse battery", Role.ADMIN, base_currency="USD")
    database.commit()
    assert vera.sign_in().status_code == 403
    assert vera.get("/users").status_code == 303


def test_openid_redirects_only_to_own_pages(vera):
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
def test_an_id_token_of_another_sign_in_is_rejected(provider, vera, database, lies):
    provider.lies = lies
    assert vera.sign_in().status_code == 400
    assert database.execute("select count(*) from dynamics.users").fetchone() == (0,)


def test_an_id_token_with_another_key_is_rejected(provider, vera):
    provider.signing_key = RSAKey.generate_key(2048, {"kid": "1"})
    assert vera.sign_in().status_code == 400


def test_a_callback_of_another_browser_is_rejected(provider, vera, open_archive, open_browser):
    planted = Person(open_browser(open_archive)).authorize()
    assert vera.get(planted).status_code == 400
    callback = vera.authorize()
    address = urlsplit(callback)
    state = parse_qs(address.query)["state"][0]
    assert vera.get(callback.replace(state, "x" * len(state))).status_code == 400
    assert vera.get("/sign-in/openid/callback").status_code == 400
    assert vera.get("/sign-in/openid/callback?error=access_denied").status_code == 400


def test_a_callback_works_once(vera):
    callback = vera.authorize()
    assert vera.get(callback).status_code == 303
    assert vera.get(callback).status_code == 400


def test_an_unreachable_provider_gives_503(provider, monkeypatch, open_archive, open_browser):
    monkeypatch.setenv("DYNAMICS_OIDC_URL", "http://127.0.0.1:9")
    settings.cache_clear()
    answer = Person(open_browser(open_archive)).get("/sign-in/openid/start")
    assert answer.status_code == 503
    assert "127.0.0.1" not in answer.text


def test_without_a_provider_there_are_no_openid_pages(browser):
    assert browser.get("/sign-in/openid/start").status_code == 404


def test_a_provider_ends_the_local_admin(provider, vera):
    assert vera.get("/users").status_code == 303


def test_incomplete_provider_settings_are_rejected(provider, monkeypatch, open_archive, open_browser):
    for name, value, message in (
        ("CLIENT_SECRET", "", "DYNAMICS_OIDC_URL needs"),
        ("ROLES", "", "DYNAMICS_OIDC_URL needs"),
        ("ROLES", "{", "setting DYNAMICS_OIDC_ROLES: the value is not valid JSON"),
        ("ROLES", '{"a": "root"}', "gives group 'a' the role 'root'"),
        ("ROLES", '{"a": "admin:R-17"}', "gives group 'a' the role 'admin:R-17'"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(f"DYNAMICS_OIDC_{name}", value)
            settings.cache_clear()
            with pytest.raises(RequestError, match=message):
                open_browser(open_archive)
    settings.cache_clear()


def test_grants_combine_to_the_highest_role_and_any_owner():
    grants = parse_grants(ROLES)
    assert combine_grants(["everybody", "finance"], grants) == (Role.ANALYST, None)
    assert combine_grants(["finance", "northline"], grants) == (Role.ANALYST, "R-17")
    assert combine_grants(["northline", "rival"], grants) is None
    assert combine_grants(["it", "northline"], grants) is None
    assert combine_grants([], grants) is None
