"""Users on the command line. Without users, the pages are only for this machine."""

import io
import json
import subprocess
import sys

import pytest

PASSWORD = "correct horse battery"


@pytest.fixture
def type_password(monkeypatch):
    """Return a function that puts a text on standard input."""
    return lambda text: monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_a_user_is_added_listed_changed_and_removed(cli, type_password):
    assert cli("users", "list").out == "no users: every visitor on this machine is an admin\n"
    type_password(f"{PASSWORD}\n")
    assert cli("users", "add", "olena", "--role", "admin").out == "added: olena, admin\n"
    (row,) = json.loads(cli("users", "list", "--json").out)
    assert (row["name"], row["role"], row["owner_id"], row["signs_in_with"]) == (
        "olena",
        "admin",
        None,
        "password",
    )
    before = cli.execute("select password_hash from dynamics.users")
    assert "$argon2id$" in before[0][0]
    type_password("another correct horse\n")
    assert cli("users", "password", "olena").out == "changed: the password of olena\n"
    assert cli.execute("select password_hash from dynamics.users") != before
    result = cli("users", "remove", "olena")
    assert result.out == "removed: olena\n"
    assert "that was the last user" in result.err


def test_a_user_can_be_limited_to_a_reseller(cli, type_password):
    type_password(PASSWORD)
    ((reseller_id, name),) = cli.execute(
        "insert into billing.clients values ('R-17', 'Northline', 'reseller', null, 'USD', now(), now())"
        " returning client_id, name"
    )
    cli("build")
    assert cli("users", "add", "partner", "--role", "viewer", "--owner", name).code == 0
    assert cli.execute("select owner_id from dynamics.users") == [(reseller_id,)]


def test_an_invalid_user_is_refused_in_one_line(cli, type_password):
    for password, words, message in (
        ("short", ("x", "--role", "viewer"), "the password has 5 characters: use 12 to 1,024 characters"),
        ("", ("x", "--role", "viewer"), "the password has 0 characters"),
        (PASSWORD, ("x", "--role", "root"), "'root' is not one of"),
        (PASSWORD, (" x", "--role", "viewer"), "is not a valid user name"),
        (PASSWORD, ("x", "--role", "viewer", "--owner", "Nobody"), "unknown owner 'Nobody'"),
    ):
        type_password(password)
        result = cli("users", "add", *words)
        assert result.code == 2
        assert message in result.line()
    assert "there is no user 'x'" in cli("users", "remove", "x").line()
    type_password(PASSWORD)
    assert "there is no user 'x' with a password" in cli("users", "password", "x").line()


def test_serve_needs_users_for_other_machines(cli, type_password, monkeypatch):
    for host in ("0.0.0.0", "::", "203.0.113.7", "reports.example.com"):
        result = cli("serve", "--host", host)
        assert result.code == 2
        assert "dynamics users add NAME --role admin" in result.line()
    type_password(PASSWORD)
    cli("users", "add", "olena", "--role", "admin")
    assert "is not an address of this machine" in cli("serve", "--host", "no.such.host.invalid").line()
    cli("users", "remove", "olena")
    for name in ("URL", "CLIENT_ID", "CLIENT_SECRET"):
        cli.set(**{f"oidc_{name.lower()}": "https://login.example.com"})
    assert "is not an address of this machine" in cli("serve", "--host", "no.such.host.invalid").line()


def test_listing_users_does_not_import_the_web_application(empty_cli):
    code = (
        "import sys; from orchestration.cli import main\n"
        "try: main(['users', 'list'])\n"
        "finally: print([name for name in ('starlette', 'orchestration.web') if name in sys.modules],"
        " file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stdout.startswith("no users")
    assert process.stderr.strip() == "[]"
