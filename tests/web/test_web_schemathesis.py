"""Generated requests: no page fails, and each answers as /openapi.json describes it."""

from dataclasses import replace

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance
from web_forms import read_csrf

from orchestration.web.app import list_routes
from orchestration.web.openapi import list_operations
from orchestration.web.rate_limit import RateLimit

PAGES = [(method, route.path) for method, route in list_operations(list_routes())]


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


@pytest.fixture(scope="module")
def few_examples():
    """Return the settings for a few requests to each page, the same ones in every run."""
    return settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def test_no_input_causes_a_server_error(browser, templates_folder, snapshot, few_examples):
    state = browser.app.state
    no_limit = RateLimit(burst=1_000_000, refill_seconds=1)
    state.services = replace(state.services, unknown_link_limit=no_limit)
    schema = schemathesis.openapi.from_asgi("/openapi.json", browser.app)
    page = browser.get("/users")
    options = {
        "headers": {"Host": "127.0.0.1", "X-CSRF-Token": read_csrf(page)},
        "cookies": dict(browser.cookies),
        "allow_redirects": False,
    }
    for method, path in PAGES:

        @few_examples
        @given(case=schema[path][method].as_strategy())
        def try_page(case):
            for name in {"id", "left", "right"} & set(case.query or ()):
                case.query[name] = snapshot.manifest.id
            answer = case.call(**options)
            case.validate_response(answer, checks=[not_a_server_error, status_code_conformance])

        try_page()
