"""Tests of permissions: every page for every role, and for an analyst who is bound to one reseller.

No test lists the pages. A new page is checked as soon as it exists, and the names that it declares
decide what the tests send to it.
"""

import io
import re
import zipfile
from collections import Counter
from html import unescape
from urllib.parse import urlencode

import pytest
from starlette.routing import Mount, Route
from web_forms import read_csrf

from orchestration.accounts.visitor import Role
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.web.access import get_page
from orchestration.web.app import list_routes
from orchestration.web.openapi import build_document, list_operations
from orchestration.web.query_form.validation import InvalidForm, resolve_query

PUBLIC_PAGES = {
    "GET /view",  # the link is the permission
    "GET /view/header",  # the header of the visitor
    "GET /chart",  # a chart of a report that the link opens
    "GET /sign-in",
    "POST /sign-in",
    "POST /sign-out",
    "GET /healthz",
    "GET /openapi.json",  # names of parameters, no data
}

SECRETS = re.compile(rb"Meridian|\bBob\b|\bc2\b|secret vip|Gold of|77\.77|97\.21|62\.2")
"""What only Meridian (r2) may know: names of its client, tag and package, and its money."""

ROUTES = list_routes()
MARCH = {"from": "2018-03-01", "to": "2018-03-31"}


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


@pytest.fixture
def snapshots(open_archive, templates_folder):
    """Store a report and a saved query of each reseller and of all. Return the report ids."""
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
            report = compute_report(connection, query, base_currency="USD", with_clients=True)
            details = SnapshotDetails(f"March of {name}", f"user of {name}")
            snapshot = archive_report(archive, report, details)
        ids[name] = snapshot.manifest.id
        (templates_folder / f"{name.lower()}.yaml").write_text(
            f"title: Each month of {name}\nquery:\n  interval: previous month\n"
            f"  owners: {owners}\ndelivery:\n  schedule: '0 7 1 * *'\n  send_to: [boss@{name.lower()}.example]\n"
        )
    return ids


def protected_pages(*ids):
    """Yield each page that needs a role: method, pattern, role, and the path with each id."""
    for method, route in list_operations(ROUTES):
        role = get_page(route.endpoint).role
        if role is not None:
            for path in dict.fromkeys(re.sub(r"{\w+}", value, route.path) for value in ids):
                yield method, route.path, role, path


def select_declared(method, pattern, parameters):
    """Return the parameters that the page declares, as /openapi.json describes it."""
    operation = build_document(ROUTES)["paths"][pattern][method.lower()]
    names = {parameter["name"] for parameter in operation["parameters"]}
    for form in operation.get("requestBody", {}).get("content", {}).values():
        names |= set(form["schema"]["properties"])
    return {name: value for name, value in parameters.items() if name in names}


def attacks(snapshots):
    """Yield parameters that ask for Meridian's data, and for the data of the visitor."""
    own = snapshots["Northline"]
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
    save = {"title": "T", "formats": "xlsx", "chart": "", "do": "save"}
    for name in ("meridian", "everybody", "northlines"):
        yield {"query": urlencode(MARCH), "name": name, **save}
    yield {"query": urlencode(MARCH), "name": "meridian", **save, "drop": "send_to:x"}
    for name, value in {"owners": "r2", "client_tags": "secre", "packages": "Gol", "currency": "EUU"}.items():
        query = {**MARCH, "group_by": "package_name", name: value}
        yield query
        yield {
            **query,
            **save,
            "saved": "everybody",
            "name": "northlines",
            "query": urlencode(query),
            "do": "query",
            "token": "one",
        }


def read_content(answer):
    """Return the content of an answer as a reader sees it: workbooks unpacked, entities decoded."""
    if answer.content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(answer.content)) as book:
            return b"".join(book.read(name) for name in book.namelist())
    return unescape(answer.content.decode("utf-8", "replace")).encode()


def find_secrets(answer, request):
    """Return the secrets in an answer that the request does not contain itself."""
    secrets = SECRETS.findall(read_content(answer) + str(answer.headers).encode())
    return [secret.decode() for secret in secrets if secret.decode() not in str(request)]


def find_leaks(visitor, snapshots, pattern=None):
    """Send all attacks to all pages, or to the page `pattern`.

    Return the requests, and each request that leaks with the secrets in its answer.
    """
    token = read_csrf(visitor.get("/sign-in", follow_redirects=True))
    ids = (snapshots["Meridian"], snapshots["everybody"], "meridian", "everybody")
    requests, leaks = [], []
    for method, page_pattern, _, path in protected_pages(*ids):
        if pattern not in (None, page_pattern):
            continue
        for attack in attacks(snapshots):
            parameters = select_declared(method, page_pattern, attack)
            request = (method, path, parameters)
            if request in requests:
                continue
            requests.append(request)
            sent = {"params": parameters} if method == "GET" else {"data": {**parameters, "csrf": token}}
            answer = visitor.request(method, path, follow_redirects=False, **sent)
            assert answer.status_code < 500, request
            secrets = find_secrets(answer, request)
            if secrets:
                leaks.append((*request, secrets))
    return requests, leaks


def test_every_page_declares_its_role():
    public = {
        f"{method} {route.path}"
        for method, route in list_operations(ROUTES)
        if get_page(route.endpoint).role is None
    }
    assert public == PUBLIC_PAGES
    others = [route for route in ROUTES if not isinstance(route, Route)]
    assert [route.path for route in others if isinstance(route, Mount)] == ["/static"]
    assert len(others) == 1


def test_each_role_opens_only_its_pages(sign_in_as, browser, snapshots):
    visitors = {role: sign_in_as(role) for role in Role}
    tokens = {
        role: read_csrf(visitor.get("/sign-in", follow_redirects=True)) for role, visitor in visitors.items()
    }
    for method, _, needed, path in protected_pages("x" * 32):
        anonymous = browser.request(method, path, follow_redirects=False)
        if method == "GET":
            assert anonymous.status_code == 303, path
            assert anonymous.headers["location"].startswith("/sign-in?next="), path
        else:
            assert anonymous.status_code == 403, path
        for role, visitor in visitors.items():
            if path == "/users/remove":
                continue
            fields = {"data": {"csrf": tokens[role]}} if method == "POST" else {}
            answer = visitor.request(method, path, follow_redirects=False, **fields)
            assert (answer.status_code == 403) == (role < needed), (role, method, path, answer.status_code)
            assert answer.status_code < 500, (role, method, path)


@pytest.mark.parametrize("owner_id", ["r1", "c1", "missing"])
def test_a_bound_visitor_learns_nothing_of_other_resellers(sign_in_as, snapshots, owner_id):
    requests, leaks = find_leaks(sign_in_as(Role.ANALYST, owner_id), snapshots)
    assert leaks == []
    assert len(requests) > 100


@pytest.mark.parametrize(
    ("owner_id", "query", "problem"),
    [
        ("r1", {"currency": "GBP"}, "Unknown currency 'GBP': it has no exchange rate"),
        ("c1", {}, "the data has no reseller 'c1': ask an admin to correct your account"),
        ("missing", {}, "the data has no reseller 'missing': ask an admin to correct your account"),
    ],
)
def test_a_bound_visitor_sees_what_is_wrong(sign_in_as, owner_id, query, problem):
    visitor = sign_in_as(Role.ANALYST, owner_id)
    page = unescape(visitor.get("/", params=MARCH | query).text)
    assert problem in page


def test_the_leak_check_finds_a_leak_in_save_query(sign_in_as, snapshots, monkeypatch):
    """Plant a leak in POST /saved/new that shows only if the check sends the field `query`."""

    def leak_suggestion(form, visitor, connection):
        if form.texts("owners"):
            raise InvalidForm({"owners": "unknown owner: did you mean 'Meridian'?"})
        return resolve_query(form, visitor, connection)

    monkeypatch.setattr("orchestration.web.saved_queries.saving.resolve_query", leak_suggestion)
    _, leaks = find_leaks(sign_in_as(Role.ANALYST, "r1"), snapshots, pattern="/saved/new")
    assert [(method, path, secrets) for method, path, _, secrets in leaks] == [
        ("POST", "/saved/new", ["Meridian"])
    ]


def test_links_lead_a_bound_visitor_only_to_own_pages(sign_in_as, snapshots):
    visitor = sign_in_as(Role.ANALYST, "r1")
    seen: set[str] = set()
    counts: Counter[str] = Counter()
    addresses = [
        "/",
        "/archive",
        "/saved",
        f"/drill?id={snapshots['Northline']}&row=Clients - All/Qty&column=0",
    ]
    while addresses:
        address = addresses.pop()
        # Follow only a few of the links that differ in their values.
        pattern = re.sub(r"=[^&]*", "", address)
        counts[pattern] += 1
        if address in seen or address.startswith("/static/") or counts[pattern] > 4:
            continue
        seen.add(address)
        answer = visitor.get(address)
        assert find_secrets(answer, ()) == [], address
        assert answer.status_code < 500, address
        if answer.headers["content-type"].startswith("text/html"):
            addresses += [unescape(link) for link in re.findall(r'href="(/[^"]*)"', answer.text)]
    assert f"/archive/{snapshots['Northline']}" in seen
    assert not any(snapshots[other] in address for address in seen for other in ("Meridian", "everybody"))


def test_other_visitors_see_the_secrets_of_the_leak_check(sign_in_as, snapshots):
    """Prove that the pages contain the secrets, so that the leak check can find them."""
    for visitor in (sign_in_as(Role.ANALYST), sign_in_as(Role.ANALYST, "r2")):
        for page in ("/archive", "/saved", "/search/tags?q=vip", f"/archive/{snapshots['Meridian']}"):
            assert SECRETS.search(read_content(visitor.get(page))), page
