"""Users from the command line, and the pages that are not served to the world without one."""

import io
import json
import sys

import pytest

PASSWORD = "correct horse battery"


@pytest.fixture
def typed(monkeypatch):
    """What stands on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_user_is_added_listed_changed_and_removed(desk, typed):
    assert desk("users", "list").out == "no users: whoever is at this machine is the admin\n"
    typed(f"{PASSWORD}\n")
    assert desk("users", "add", "olena", "--role", "admin").out == "added: olena, admin\n"
    (row,) = json.loads(desk("users", "list", "--json").out)
    assert (row["name"], row["role"], row["owner_id"], row["signs_in_with"]) == (
        "olena",
        "admin",
        None,
        "password",
    )
    before = desk.execute("select password_hash from dynamics.users")
    assert "$argon2id$" in before[0][0]
    typed("another correct horse\n")
    assert desk("users", "password", "olena").out == "changed: the password of olena\n"
    assert desk.execute("select password_hash from dynamics.users") != before
    said = desk("users", "remove", "olena")
    assert said.out == "removed: olena\n"
    assert "that was the last one" in said.err


def test_a_partner_is_bound_to_a_reseller_by_id(desk, typed):
    typed(PASSWORD)
    ((reseller_id, name),) = desk.execute(
        "insert into billing.clients values ('R-17', 'Northline', 'reseller', null, 'USD', now(), now())"
        " returning client_id, name"
    )
    desk("build")
    assert desk("users", "add", "partner", "--role", "viewer", "--owner", name).code == 0
    assert desk.execute("select owner_id from dynamics.users") == [(reseller_id,)]


def test_a_user_that_cannot_be_is_refused_in_one_line(desk, typed):
    for password, words, says in (
        ("short", ("x", "--role", "viewer"), "the password has 5 characters: use 12 or more"),
        ("", ("x", "--role", "viewer"), "the password has 0 characters"),
        (PASSWORD, ("x", "--role", "root"), "'root' is not one of"),
        (PASSWORD, (" x", "--role", "viewer"), "is no user's name"),
        (PASSWORD, ("x", "--role", "viewer", "--owner", "Nobody"), "unknown owner 'Nobody'"),
    ):
        typed(password)
        said = desk("users", "add", *words)
        assert said.code == 2
        assert says in said.line()
    assert "there is no user 'x'" in desk("users", "remove", "x").line()
    typed(PASSWORD)
    assert "no user 'x' has a password here" in desk("users", "password", "x").line()


def test_pages_without_users_are_not_served_to_other_machines(desk, typed, monkeypatch):
    for host in ("0.0.0.0", "::", "203.0.113.7", "reports.example.com"):
        said = desk("serve", "--host", host)
        assert said.code == 2
        assert "dynamics users add NAME --role admin" in said.line()
    typed(PASSWORD)
    desk("users", "add", "olena", "--role", "admin")
    assert "is no address of this machine" in desk("serve", "--host", "no.such.host.invalid").line()
    desk("users", "remove", "olena")
    for name in ("URL", "CLIENT_ID", "CLIENT_SECRET"):
        desk.set(**{f"oidc_{name.lower()}": "https://login.example.com"})
    assert "is no address of this machine" in desk("serve", "--host", "no.such.host.invalid").line()
