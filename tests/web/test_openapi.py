"""Tests that /openapi.json describes exactly what the page handlers read."""

import re
from collections import defaultdict
from pathlib import Path

import pytest
from web_forms import read_csrf

import orchestration.web
from orchestration.accounts.visitor import Role
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.web.access import PUBLIC, get_page, page
from orchestration.web.app import list_routes
from orchestration.web.openapi import list_operations
from orchestration.web.page_request import DeclaredValues, UndeclaredNameError

WEB = Path(orchestration.web.__file__).parent
RAW_READ = re.compile(r"\.query_params\b|\.(form|stream|body|json)\(\)")

RAW_READERS = {
    "access.py",  # limits a request to the declared names
    "sign_in/middleware.py",  # reads the field `csrf` of every form
    "sign_in/openid.py",  # its two pages are mounted only with a provider, and are not in the document
}

VALUES = {
    "from": "2018-03-01",
    "to": "2018-03-31",
    "interval": "",
    "query": "from=2018-03-01&to=2018-03-31",
    "row": "Clients - All/Qty",
    "column": "0",
    "block": "0",
    "format": "json",
    "sure": "yes",
    **dict.fromkeys(("chart", "mark", "first", "last"), ""),
}
"""Values that lead a handler past its checks. The tests send `x` for all other names."""


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


@pytest.fixture
def snapshot_id(archive, database):
    """Store a report with its clients. Return its id."""
    query = ReportQuery.model_validate({"interval": {"from": "2018-03-01", "to": "2018-03-31"}})
    report = compute_report(database, query, base_currency="USD", with_clients=True)
    return archive_report(archive, report, SnapshotDetails("March", "user olena")).manifest.id


@pytest.fixture
def reads(monkeypatch):
    """Record the names that handlers read, by the declared names of their page."""
    recorded = defaultdict(set)
    texts, pairs = DeclaredValues.texts, DeclaredValues.pairs

    def record_texts(values, name):
        recorded[values.names].add(name)
        return texts(values, name)

    def record_pairs(values, names):
        recorded[values.names].update(names)
        return pairs(values, names)

    monkeypatch.setattr(DeclaredValues, "texts", record_texts)
    monkeypatch.setattr(DeclaredValues, "pairs", record_pairs)
    return recorded


def test_reading_an_undeclared_name_fails():
    values = DeclaredValues(("declared",), [("declared", "1"), ("other", "2")])
    assert values.text("declared") == "1"
    assert values.pairs(("declared",)) == [("declared", "1")]
    for read in (
        lambda: values.text("other"),
        lambda: values.texts("other"),
        lambda: "other" in values,
        lambda: values.pairs(("declared", "other")),
    ):
        with pytest.raises(UndeclaredNameError, match="'other'"):
            read()


def test_a_route_without_a_declaration_fails():
    def handler(_):
        return None

    with pytest.raises(TypeError, match="@page"):
        get_page(handler)
    assert get_page(page(PUBLIC, query=("q",))(handler)).query == ("q",)


def test_pages_read_requests_only_through_declarations():
    readers = {
        path.relative_to(WEB).as_posix()
        for path in WEB.rglob("*.py")
        if RAW_READ.search(path.read_text(encoding="utf-8"))
    }
    assert readers == RAW_READERS


def test_every_declared_name_is_read(sign_in_as, snapshot_id, templates_folder, reads):
    """Send each page its declared names. A name that no handler reads must not be declared."""
    names_of_ids = ("id", "left", "right", "test")
    for method, route in list_operations(list_routes()):
        declaration = get_page(route.endpoint)
        names = (*declaration.query, *declaration.form)
        values = {name: snapshot_id if name in names_of_ids else VALUES.get(name, "x") for name in names}
        values |= {"row": "Clients - All: Qty"} if route.path == "/chart" else {}
        for omitted in ("", "format", "drop"):
            for button in ("query", "save"):
                admin = sign_in_as(Role.ADMIN)
                sent = {name: value for name, value in values.items() if name != omitted}
                sent |= {"do": button} if "do" in sent else {}
                form = {name: sent[name] for name in declaration.form if name in sent}
                form |= {"csrf": read_csrf(admin.get("/view/header"))}
                admin.request(
                    method,
                    re.sub(r"{\w+}", "x" * 32, route.path),
                    params={name: sent[name] for name in declaration.query if name in sent},
                    follow_redirects=False,
                    **({"data": form} if method == "POST" else {}),
                )
        for declared in (declaration.query, declaration.form):
            assert set(declared) - reads[frozenset(declared)] == set(), (method, route.path)
