"""Who may sign in, who stays signed in, and what a forger gets."""

import time

import pytest
from argon2 import PasswordHasher
from web_forms import csrf, send

from orchestration.web.buckets import Buckets
from orchestration.web.sign_in import users
from orchestration.web.visitor import Role

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    """The real hashes take 0.2 s each, on purpose."""
    monkeypatch.setattr(users, "hasher", lambda: PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
def olena(database):
    """An admin with a password."""
    users.add(database, "Olena", PASSWORD, Role.ADMIN, base_currency="USD")
    database.commit()
    return "Olena"


def sign_in(browser, name, password, **fields):
    """Fills in the form."""
    return send(browser, "/sign-in", "/sign-in", name=name, password=password, **fields)


def test_without_users_everybody_at_the_machine_is_the_local_admin_and_is_told_so(browser):
    page = browser.get("/users")
    assert page.status_code == 200
    assert "Nobody has to sign in here" in page.text
    assert "There are no users yet" in page.text


def test_a_page_elsewhere_whose_name_leads_here_is_not_the_local_admin(browser):
    for elsewhere in (
        {"Host": "evil.example"},
        {"Host": "evil.example:80"},
        {"Host": "127.0.0.1.evil.example"},
        {"X-Forwarded-For": "203.0.113.9"},
        {"Forwarded": "for=203.0.113.9"},
    ):
        answer = browser.get("/users", headers=elsewhere, follow_redirects=False)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fusers")
        assert "Nobody can sign in yet" in browser.get("/sign-in", headers=elsewhere).text


def test_localhost_and_its_addresses_are_the_machine(browser):
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000"):
        assert browser.get("/users", headers={"Host": host}).status_code == 200


def test_a_user_signs_in_and_comes_to_the_page_that_they_wanted(browser, olena):
    asked = browser.get("/users?x=1&y=2", follow_redirects=False)
    assert asked.headers["location"] == "/sign-in?next=%2Fusers%3Fx%3D1%26y%3D2"
    form = browser.get(asked.headers["location"])
    assert 'value="/users?x=1&amp;y=2"' in form.text
    answer = sign_in(browser, "olena", PASSWORD, next="/users?x=1&y=2")
    assert (answer.status_code, answer.headers["location"]) == (303, "/users?x=1&y=2")
    page = browser.get("/users")
    assert page.status_code == 200
    assert "Olena" in page.text
    assert "Nobody has to sign in" not in page.text


def test_a_name_in_any_script_signs_in(browser, database):
    users.add(database, "Олена Ґ", f"{PASSWORD} їжак", Role.ADMIN, base_currency="USD")
    database.commit()
    assert sign_in(browser, "олена ґ", f"{PASSWORD} їжак").status_code == 303
    assert "Олена Ґ" in browser.get("/users").text


def test_the_cookie_is_closed_to_scripts_and_other_sites(browser, olena, monkeypatch):
    cookie = sign_in(browser, "Olena", PASSWORD).headers["set-cookie"]
    assert cookie.startswith("dynamics-80=")
    assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    browser.base_url = "https://127.0.0.1"
    cookie = sign_in(browser, "Olena", PASSWORD).headers["set-cookie"]
    assert cookie.startswith("__Host-dynamics=")
    assert "Secure" in cookie.split("; ")


def test_a_planted_token_is_not_the_one_that_is_signed_in(browser, olena):
    browser.get("/sign-in")
    before = browser.cookies["dynamics-80"]
    sign_in(browser, "Olena", PASSWORD)
    assert browser.cookies["dynamics-80"] != before


def test_signing_in_leads_nowhere_else(browser, olena):
    elsewhere = [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/x\\y",
        "/\tx",
        "javascript:alert(1)",
    ]
    for asked in (*elsewhere, "evil", "", "/\r\nX: y", "/é"):
        assert sign_in(browser, "Olena", PASSWORD, next=asked).headers["location"] == "/"
        signed_in = browser.get("/sign-in", params={"next": asked}, follow_redirects=False)
        assert signed_in.headers["location"] == "/"
        send(browser, "/users", "/sign-out")


def test_a_wrong_password_and_an_unknown_name_are_told_alike(browser, olena):
    answers = [sign_in(browser, name, "wrong, and long enough") for name in ("Olena", "Nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    texts = [answer.text.replace('value="Olena"', 'value="Nobody"') for answer in answers]
    assert texts[0] == texts[1]
    assert 'role="alert"' in texts[0]
    assert browser.get("/users", follow_redirects=False).status_code == 303


def test_an_unknown_name_takes_as_long_as_a_known_one(database, monkeypatch):
    slow = PasswordHasher(time_cost=1, memory_cost=32_768, parallelism=1)
    monkeypatch.setattr(users, "hasher", lambda: slow)
    nobodys = slow.hash("nobody's")
    monkeypatch.setattr(users, "_nobodys_hash", lambda: nobodys)
    users.add(database, "Olena", PASSWORD, Role.ADMIN, base_currency="USD")

    def seconds(name):
        began = time.process_time()
        assert users.check(database, name, "wrong") is None
        return time.process_time() - began

    known, unknown = (min(seconds(name) for _ in range(3)) for name in ("Olena", "nobody"))
    assert unknown > known / 2


def test_a_hash_with_outdated_parameters_is_made_anew(database, olena, monkeypatch):
    def kept():
        return database.execute("select password_hash from dynamics.users").fetchone()[0]

    before = kept()
    monkeypatch.setattr(users, "hasher", lambda: PasswordHasher(time_cost=2, memory_cost=64, parallelism=1))
    assert users.check(database, "Olena", PASSWORD) == "Olena"
    assert "t=1" in before
    assert "t=2" in kept()
    assert users.check(database, "Olena", PASSWORD) == "Olena"


def test_whoever_guesses_is_slowed_down_even_with_the_right_password(browser, olena):
    answers = [sign_in(browser, "Olena", f"guess number {guess}") for guess in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 10
    assert sign_in(browser, "Olena", PASSWORD).status_code == 429


def test_signing_in_rightly_many_times_slows_nobody_down(browser, olena):
    for _ in range(15):
        assert sign_in(browser, "Olena", PASSWORD).status_code == 303
        assert send(browser, "/users", "/sign-out").status_code == 303


def test_signing_out_ends_the_session_wherever_its_cookie_is(browser, olena, open_archive, browse):
    sign_in(browser, "Olena", PASSWORD)
    stolen = browse(open_archive)
    stolen.cookies.set("dynamics-80", browser.cookies["dynamics-80"])
    assert stolen.get("/users").status_code == 200
    assert send(browser, "/users", "/sign-out").headers["location"] == "/sign-in"
    for left in (browser, stolen):
        assert left.get("/users", follow_redirects=False).status_code == 303


@pytest.mark.parametrize("change", ["removed", "password", "role", "over"])
def test_who_is_changed_is_changed_at_once(browser, olena, database, change):
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
    token = csrf(browser.get("/users"))
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
    sent = browser.post("/users", data=fields, headers={"X-CSRF-Token": token}, follow_redirects=False)
    assert sent.status_code == 303


def test_the_token_of_one_browser_is_worth_nothing_in_another(browser, olena, open_archive, browse):
    sign_in(browser, "Olena", PASSWORD)
    theirs = csrf(browse(open_archive).get("/sign-in"))
    assert browser.post("/sign-out", data={"csrf": theirs}).status_code == 403


def test_signing_in_needs_the_token_too(browser, olena):
    assert browser.post("/sign-in", data={"name": "Olena", "password": PASSWORD}).status_code == 403


def test_a_body_without_end_is_not_read(browser, olena):
    assert browser.post("/sign-in", data={"name": "x" * 1_000_001}).status_code == 413


def test_the_first_user_is_an_admin_and_from_then_on_everybody_signs_in(browser):
    refused = send(browser, "/users", "/users", name="vera", password=PASSWORD, role="viewer")
    assert refused.status_code == 422
    assert "the first user has to be an admin" in refused.text
    added = send(browser, "/users", "/users", name="olena", password=PASSWORD, role="admin")
    assert added.status_code == 303
    assert browser.get("/users", follow_redirects=False).status_code == 303
    sign_in(browser, "olena", PASSWORD)
    assert send(browser, "/users", "/users", name="vera", password=PASSWORD, role="viewer").status_code == 303
    assert send(browser, "/users", "/users/remove", name="olena").status_code == 422
    assert send(browser, "/users", "/users/remove", name="vera").status_code == 303
    assert "vera" not in browser.get("/users").text


def test_what_is_wrong_with_a_new_user_is_said_beside_the_form(browser, olena):
    sign_in(browser, "Olena", PASSWORD)
    token = csrf(browser.get("/users"))
    for fields, says in (
        ({"name": "OLENA"}, "there is a user &#39;OLENA&#39;"),
        ({"name": "<script>alert(1)</script>", "password": "short"}, "the password has 5 characters"),
        ({"name": "a\nb"}, "is no user&#39;s name"),
        ({"name": "x" * 101}, "is no user&#39;s name"),
        ({"name": " "}, "is no user&#39;s name"),
        ({"role": "root"}, "choose one of the roles"),
        ({"owner": "Northline"}, "there are no marts yet"),
    ):
        sent = {"csrf": token, "name": "vera", "password": PASSWORD, "role": "viewer", **fields}
        answer = browser.post("/users", data=sent)
        assert answer.status_code == 422
        assert says in answer.text
        assert "<script" not in answer.text
        assert PASSWORD not in answer.text


def test_a_bucket_fills_up_again_and_forgets_whom_it_saw_first():
    now = [0.0]
    buckets = Buckets(size=2, seconds=10, keys=2, clock=lambda: now[0])
    assert [buckets.take("a") for _ in range(3)] == [0, 0, 10]
    now[0] = 4.0
    assert buckets.take("a") == 6
    now[0] = 10.0
    assert [buckets.take("a"), buckets.take("a")] == [0, 10]
    buckets.give_back("a")
    assert buckets.take("a") == 0
    buckets.take("b")
    buckets.take("c")
    assert len(buckets._full_at) == 2
