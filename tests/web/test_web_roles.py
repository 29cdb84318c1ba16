"""Who may open what: every page as nobody, viewer, analyst and admin, and as an analyst of one reseller among two.

Nothing here lists the pages: a new one is tried as soon as it is there, and fails until somebody has said whose it is.
"""

import io
import re
import zipfile
from collections import Counter
from datetime import UTC, datetime
from html import unescape

import pytest
from small_world import database_url, small_world, templates  # noqa: F401 - fixtures
from starlette.routing import Route
from web_forms import csrf

from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.web import create_app
from orchestration.web.openapi import document, operations, undescribed
from orchestration.web.visitor import Role, role_needed

FOR_EVERYBODY = {
    "GET /view",  # the link is the permission
    "GET /view/header",  # the header alone, of whoever asks
    "GET /chart",  # of a report that the link opens
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /healthz",
    "GET /openapi.json",  # names of parameters, no data
}

RIVALS = re.compile(rb"Meridian|\bBob\b|\bc2\b|secret vip|Gold of|77\.77|97\.21|62\.2")
"""What only Meridian (r2) may know: names, its client, its tag, its package, its money in EUR and USD."""


@pytest.fixture
def app():
    return create_app(None)


@pytest.fixture
def snapshots(open_archive, templates):  # noqa: F811
    """The ids of a report of each reseller's clients, and one of everybody's; and saved queries of each."""
    ids = {}
    for name, owners in {"Northline": ["r1"], "Meridian": ["Meridian"], "everybody": []}.items():
        query = ReportQuery.model_validate(
            {
                "interval": {"from": "2018-03-01", "to": "2018-03-31"},
                "owners": owners,
                "group_by": ["package_name"],
            }
        )
        with open_archive() as (archive, connection):
            report = make_report(connection, query, base_currency="USD", with_clients=True)
            kept = archive.keep(
                report,
                title=f"March of {name}",
                generated_by=f"user of {name}",
                generated_at=datetime.now(UTC),
            )
        ids[name] = kept.manifest.id
        (templates / f"{name.lower()}.yaml").write_text(
            f"title: Each month of {name}\nquery:\n  interval: previous month\n"
            f"  owners: {owners}\ndelivery:\n  schedule: '0 7 1 * *'\n  send_to: [boss@{name.lower()}.example]\n"
        )
    return ids


def guarded(app, *ids):
    """Every page that asks for a role: its method, that role, and its path with each of the ids in it."""
    for method, route in operations(app.routes):
        if (role := role_needed(route.endpoint)) is not None:
            for path in dict.fromkeys(re.sub(r"{\w+}", given, route.path) for given in ids):
                yield method, route.path, role, path


def taken_of(app, method, path, asked):
    """Those of the parameters that the page takes."""
    described = document(app.routes)["paths"][path][method.lower()]
    names = {parameter["name"] for parameter in described["parameters"]}
    for form in described.get("requestBody", {}).get("content", {}).values():
        names |= set(form["schema"]["properties"])
    return {name: value for name, value in asked.items() if name in names}


def queries(snapshots):
    """Parameters that ask for what is Meridian's, each beside what is the visitor's own."""
    own = snapshots["Northline"]
    march = {"from": "2018-03-01", "to": "2018-03-31"}
    for other in (snapshots["Meridian"], snapshots["everybody"]):
        yield {"id": other, "row": "Clients - All/Qty", "column": "Total", "block": "0"}
        yield {"id": other, "row": "Clients - All/Qty", "column": "0", "format": "csv"}
        yield {"left": own, "right": other}
        yield {"left": other, "right": own, "format": "csv"}
        yield {"test": other, "saved": "meridian"}
    yield {}
    yield {"saved": "meridian"}
    yield {"saved": "everybody"}
    for letter in ("", "e", "2", "vip"):
        yield {"q": letter}
        yield {"q": letter, "who": letter}
    for name, value in {"owners": "r2", "client_tags": "secre", "packages": "Gol", "currency": "EUU"}.items():
        yield {**march, "group_by": "package_name", name: value}
        yield {
            **march,
            "saved": "everybody",
            "name": "northlines",
            "do": "query",
            "token": "one",
            name: value,
        }


def content(answer):
    """What an answer says, as a reader sees it: workbooks unpacked, entities read."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return b"".join(book.read(name) for name in book.namelist())
    return unescape(answer.content.decode("utf-8", "replace")).encode()


def require_nothing_of_the_rivals(answer, asked):
    """Fails with what leaked, and where."""
    for secret in RIVALS.findall(content(answer) + str(answer.headers).encode()):
        assert secret.decode() in str(asked), f"{asked}: {secret} leaked"


def test_every_page_says_who_may_open_it(app):
    public = {
        f"{method} {route.path}"
        for method, route in operations(app.routes)
        if role_needed(route.endpoint) is None
    }
    assert public == FOR_EVERYBODY
    assert {route.path for route in app.routes if not isinstance(route, Route)} == {"/static"}


def test_every_page_is_described(app):
    assert undescribed(app.routes) == set()


def test_each_role_opens_its_pages_and_no_others(app, signed_in_as, browser, snapshots):
    visitors = {role: signed_in_as(role) for role in Role}
    tokens = {
        role: csrf(visitor.get("/sign-in", follow_redirects=True)) for role, visitor in visitors.items()
    }
    for method, _, needed, path in guarded(app, "x" * 32):
        nobody = browser.request(method, path, follow_redirects=False)
        if method == "GET":
            assert nobody.status_code == 303, path
            assert nobody.headers["location"].startswith("/sign-in?next="), path
        else:
            assert nobody.status_code == 403, path
        for role, visitor in visitors.items():
            if path == "/users/remove":
                continue
            fields = {"data": {"csrf": tokens[role]}} if method == "POST" else {}
            answer = visitor.request(method, path, follow_redirects=False, **fields)
            assert (answer.status_code == 403) == (role < needed), (role, method, path, answer.status_code)
            assert answer.status_code < 500, (role, method, path)


def test_a_visitor_of_one_reseller_learns_nothing_of_another(app, signed_in_as, snapshots):
    visitor = signed_in_as(Role.ANALYST, "r1")
    token = csrf(visitor.get("/sign-in", follow_redirects=True))
    tried = []
    for method, pattern, _, path in guarded(
        app, snapshots["Meridian"], snapshots["everybody"], "meridian", "everybody"
    ):
        for query in queries(snapshots):
            asked = taken_of(app, method, pattern, query)
            if (method, path, asked) in tried:
                continue
            tried.append((method, path, asked))
            sent = {"params": asked} if method == "GET" else {"data": {**asked, "csrf": token}}
            answer = visitor.request(method, path, follow_redirects=False, **sent)
            require_nothing_of_the_rivals(answer, (method, path, asked))
            assert answer.status_code < 500, (method, path, asked)
    assert len(tried) > 100


def test_whatever_such_a_visitor_comes_to_by_following_links_is_their_own(signed_in_as, snapshots):
    visitor = signed_in_as(Role.ANALYST, "r1")
    seen, kinds, left = (
        set(),
        Counter(),
        ["/", "/archive", "/saved", f"/drill?id={snapshots['Northline']}&row=Clients - All/Qty&column=0"],
    )
    while left:
        address = left.pop()
        alike = re.sub(
            r"=[^&]*", "", address
        )  # of links that differ in their values alone, a few are followed
        kinds[alike] += 1
        if address in seen or address.startswith("/static/") or kinds[alike] > 4:
            continue
        seen.add(address)
        answer = visitor.get(address)
        require_nothing_of_the_rivals(answer, ())
        assert answer.status_code < 500, address
        if answer.headers["content-type"].startswith("text/html"):
            left += [unescape(found) for found in re.findall(r'href="(/[^"]*)"', answer.text)]
    assert f"/archive/{snapshots['Northline']}" in seen
    assert not any(snapshots[other] in address for address in seen for other in ("Meridian", "everybody"))


def test_the_same_pages_do_tell_the_rival_and_an_analyst_of_all(signed_in_as, snapshots):
    """The searches above can find something."""
    for visitor in (signed_in_as(Role.ANALYST), signed_in_as(Role.ANALYST, "r2")):
        for page in ("/archive", "/saved", "/search/tags?q=vip", f"/archive/{snapshots['Meridian']}"):
            assert RIVALS.search(content(visitor.get(page))), page
