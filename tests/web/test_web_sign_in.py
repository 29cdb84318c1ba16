"""Tests of signing in with a password: sessions, cookies, tokens and limits."""

import time

import pytest
from argon2 import PasswordHasher
from web_forms import read_csrf, submit

from orchestration.accounts import users
from orchestration.accounts.visitor import Role
from orchestration.web.rate_limit import RateLimit

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """Use cheap hashes: the real ones are slow on purpose."""
    monkeypatch.setattr(
        users, "get_hasher", lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    )


@pytest.fixture
def olena(database):
    """Add an admin with a password."""
    users.add(database, "Olena", PASSWORD, Role.ADMIN, base_currency="USD")
    database.commit()
    return "Olena"


def sign_in(browser, name, password, **fields):
    """Fill in the sign-in form."""
    return submit(browser, "/sign-in", "/sign-in", name=name, password=password, **fields)


def test_without_users_a_local_browser_is_the_admin(browser):
    page = browser.get("/users")
    assert page.status_code == 200
    assert "Sign-in is off" in page.text
    assert "There are no users yet" in page.text


def test_a_remote_browser_is_not_the_local_admin(browser):
    for elsewhere in (
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
    ):
        answer = browser.get("/users", headers=elsewhere, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fusers")
        assert "There are no users yet" in browser.get("/sign-in", headers=elsewhere).text


def test_loopback_names_belong_to_this_machine(browser):
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert browser.get("/users", headers={"Host": host}).status_code == 200


def test_sign_in_leads_to_the_requested_page(browser, olena):
    redirect = browser.get("/users?x=1&y=2", follow_redirects=False)
    assert redirect.headers["location"] == "/sign-in?next=%2Fusers%3Fx%3D1%26y%3D2"
    form = browser.get(redirect.headers["location"])
    assert 'value="/users?x=1&amp;y=2"' in form.text
    answer = sign_in(browser, "olena", PASSWORD, next="/users?x=1&y=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/users?x=1&y=2")
    page = browser.get("/users")
    assert page.status_code == 200
    assert "Olena" in page.text
    assert "Sign-in is off" not in page.text


def test_a_user_name_may_have_any_script(browser, database):
    users.add(database, "Олена Ґ", f"{PASSWORD} їжак", Role.ADMIN, base_currency="USD")
    database.commit()
    assert sign_in(browser, "олена ґ", f"{PASSWORD} їжак").status_code == 303
    assert "Олена Ґ" in browser.get("/users").text


def test_the_cookie_is_hidden_from_scripts_and_other_sites(browser, olena, monkeypatch):
    cookie = sign_in(browser, "Olena", PASSWORD).headers["set-cookie"]
    assert cookie.startswith("dynamics-80=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    browser.base_url = "https://127.0.0.1"
    cookie = sign_in(browser, "Olena", PASSWORD).headers["set-cookie"]
    assert cookie.startswith("__Host-dynamics=")
    assert "Secure" in cookie.split("; ")


def test_sign_in_replaces_a_planted_token(browser, olena):
    browser.get("/sign-in")
    before = browser.cookies["dynamics-80"]
    sign_in(browser, "Olena", PASSWORD)
    assert browser.cookies["dynamics-80"] != before


def test_sign_in_redirects_only_to_own_pages(browser, olena):
    elsewhere = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/x\\y",
        "/\tx",
        "javascript:alert(1)",
    ]
    for address in (*elsewhere, "evil", "", "/\r\nX: y", "/é"):
        assert sign_in(browser, "Olena", PASSWORD, next=address).headers["location"] == "/"
        signed_in = browser.get("/sign-in", params={"next": address}, follow_redirects=False)
        assert signed_in.headers["location"] == "/"
        submit(browser, "/users", "/sign-out")


def test_wrong_password_and_unknown_name_answer_alike(browser, olena):
    answers = [sign_in(browser, name, "wrong, and long enough") for name in ("Olena", "Nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    texts = [answer.text.replace('value="Olena"', 'value="Nobody"') for answer in answers]
    assert texts[0] == texts[1]
    assert 'role="alert"' in texts[0]
    assert browser.get("/users", follow_redirects=False).status_code == 303


def test_an_unknown_name_takes_as_long_as_a_known_one(database, monkeypatch):
    slow = PasswordHasher(time_cost=1, memory_cost=32_768, parallelism=1)
    monkeypatch.setattr(users, "get_hasher", lambda: slow)
    users.add(database, "Olena", PASSWORD, Role.ADMIN, base_currency="USD")

    def seconds(name):
        began = time.process_time()
        assert users.authenticate(database, name, "wrong") is None
        return time.process_time() - began

    known, unknown = (min(seconds(name) for _ in range(3)) for name in ("Olena", "nobody"))
    assert unknown > known / 2


def test_an_outdated_hash_is_replaced(database, olena, monkeypatch):
    def stored_hash():
        return database.execute("select password_hash from dynamics.users").fetchone()[0]

    before = stored_hash()
    monkeypatch.setattr(
        users, "get_hasher", lambda: PasswordHasher(time_cost=2, memory_cost=64, parallelism=1)
    )
    assert users.authenticate(database, "Olena", PASSWORD) == "Olena"
    assert "t=1" in before
    assert "t=2" in stored_hash()
    assert users.authenticate(database, "Olena", PASSWORD) == "Olena"


def test_guessing_passwords_is_slowed_down(browser, olena):
    answers = [sign_in(browser, "Olena", f"guess number {guess}") for guess in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert sign_in(browser, "Olena", PASSWORD).status_code == 429


def test_successful_sign_ins_are_not_slowed_down(browser, olena):
    for _ in range(15):
        assert sign_in(browser, "Olena", PASSWORD).status_code == 303
        assert submit(browser, "/users", "/sign-out").status_code == 303


def test_signing_out_ends_the_session_everywhere(browser, olena, open_archive, open_browser):
    sign_in(browser, "Olena", PASSWORD)
    stolen = open_browser(open_archive)
    stolen.cookies.set("dynamics-80", browser.cookies["dynamics-80"])
    assert stolen.get("/users").status_code == 200
    assert submit(browser, "/users", "/sign-out").headers["location"] == "/sign-in"
    for ended in (browser, stolen):
        assert ended.get("/users", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("change", ["removed", "password", "role", "over"])
def test_changes_of_a_user_take_effect_at_once(browser, olena, database, change):
    users.add(database, "Second", PASSWORD, Role.ADMIN, base_currency="USD")
    sign_in(browser, "Olena", PASSWORD)
    assert browser.get("/users").status_code == 200
    match change:
        case "removed":
            users.remove(database, "Olena")
        case "password":
            users.set_password(database, "Olena", "another " + PASSWORD)
        case "role":
            database.execute("update dynamics.users set role = 'viewer' where name = 'Olena'")
        case "over":
            database.execute("update dynamics.sessions set expires_at = now()")
    database.commit()
    status = browser.get("/users", follow_redirects=False).status_code
    assert status == (403 if change == "role" else 303)


def test_a_form_without_its_token_changes_nothing(browser, olena, database):
    sign_in(browser, "Olena", PASSWORD)
    token = read_csrf(browser.get("/users"))
    fields = {"name": "mallory", "password": PASSWORD, "role": "admin"}
    forged = [
        {"data": fields},
        {"data": fields | {"csrf": ""}},
        {"data": fields | {"csrf": token[:-1]}},
        {"data": fields | {"csrf": "ü"}},
        {"data": fields, "headers": {"X-CSRF-Token": "x"}},
        {"files": {"csrf": (None, token)}},
        {"json": fields | {"csrf": token}},
    ]
    for attempt in forged:
        answer = browser.post("/users", **attempt)
        assert answer.status_code == 403
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert browser.put("/users").status_code == browser.delete("/users").status_code == 403
    assert database.execute("select count(*) from dynamics.users").fetchone() == (1,)
    accepted = browser.post("/users", data=fields, headers={"X-CSRF-Token": token}, follow_redirects=False)
    assert accepted.status_code == 303


def test_a_token_works_in_one_browser_only(browser, olena, open_archive, open_browser):
    sign_in(browser, "Olena", PASSWORD)
    other_token = read_csrf(open_browser(open_archive).get("/sign-in"))
    assert browser.post("/sign-out", data={"csrf": other_token}).status_code == 403


def test_the_sign_in_form_needs_the_token(browser, olena):
    assert browser.post("/sign-in", data={"name": "Olena", "password": PASSWORD}).status_code == 403


def test_a_large_body_is_rejected(browser, olena):
    assert browser.post("/sign-in", data={"name": "x" * 1_000_001}).status_code == 413


def test_the_first_user_is_an_admin(browser):
    refused = submit(browser, "/users", "/users", name="vera", password=PASSWORD, role="viewer")
    assert refused.status_code == 422
    assert "the first user has to be an admin" in refused.text
    added = submit(browser, "/users", "/users", name="olena", password=PASSWORD, role="admin")
    assert added.status_code == 303
    assert browser.get("/users", follow_redirects=False).status_code == 303
    sign_in(browser, "olena", PASSWORD)
    assert (
        submit(browser, "/users", "/users", name="vera", password=PASSWORD, role="viewer").status_code == 303
    )
    assert submit(browser, "/users", "/users/remove", name="olena").status_code == 422
    assert submit(browser, "/users", "/users/remove", name="vera").status_code == 303
    assert "vera" not in browser.get("/users").text


def test_an_invalid_new_user_shows_the_problem(browser, olena):
    sign_in(browser, "Olena", PASSWORD)
    token = read_csrf(browser.get("/users"))
    for fields, message in (
        ({"name": "OLENA"}, "a user &#39;OLENA&#39; exists already"),
        ({"name": "<script>alert(1)</script>", "password": "short"}, "the password has 5 characters"),
        ({"name": "a\nb"}, "is not a valid user name"),
        ({"name": "x" * 101}, "is not a valid user name"),
        ({"name": " "}, "is not a valid user name"),
        ({"role": "root"}, "choose one of the roles"),
        ({"owner": "Northline"}, "there are no marts yet"),
    ):
        data = {"csrf": token, "name": "vera", "password": PASSWORD, "role": "viewer", **fields}
        answer = browser.post("/users", data=data)
        assert answer.status_code == 422
        assert message in answer.text
        assert "<script" not in answer.text
        assert PASSWORD not in answer.text


def test_a_rate_limit_refills_and_forgets_old_keys():
    now = [0.0]
    limit = RateLimit(burst=2, refill_seconds=10, max_keys=2, clock=lambda: now[0])
    assert [limit.take("a") for _ in range(3)] == [0, 0, 10]
    now[0] = 4.0
    assert limit.take("a") == 6
    now[0] = 10.0
    assert [limit.take("a"), limit.take("a")] == [0, 10]
    limit.give_back("a")
    assert limit.take("a") == 0
    limit.take("b")
    limit.take("c")
    assert len(limit) == 2
