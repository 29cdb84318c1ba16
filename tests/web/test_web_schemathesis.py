"""Whatever is typed into an address or a form, no page fails, and each answers as /openapi.json says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import status_code_conformance
from small_world import database_url, small_world, templates  # noqa: F401 - fixtures
from web_forms import csrf

from orchestration.web import create_app
from orchestration.web.buckets import Buckets
from orchestration.web.openapi import operations

PAGES = [(method, route.path) for method, route in operations(create_app(None).routes)]


@pytest.fixture(scope="module")
def tries():
    return settings(
        max_examples=5,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def test_nothing_that_is_typed_makes_a_page_fail(browser, templates, kept, tries):  # noqa: F811
    browser.app.state.misses = Buckets(size=1_000_000, seconds=1)
    described = schemathesis.openapi.from_asgi("/openapi.json", browser.app)
    page = browser.get("/users")
    sent = {
        "headers": {"Host": "127.0.0.1", "X-CSRF-Token": csrf(page)},
        "cookies": dict(browser.cookies),
        "allow_redirects": False,
    }
    for method, path in PAGES:

        @tries
        @given(case=described[path][method].as_strategy())
        def try_page(case):
            for name in {"id", "left", "right"} & set(case.query or ()):
                case.query[name] = kept.manifest.id
            answer = case.call(**sent)
            case.validate_response(answer, checks=[not_a_server_error, status_code_conformance])

        try_page()
