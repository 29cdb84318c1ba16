"""A query is the same in its address, in the form, and in its file."""

import html.parser
from datetime import UTC, date, datetime, time, timedelta, timezone
from urllib.parse import parse_qsl, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from orchestration.rendering import layouts
from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.saved_queries.saved_query_file import read_saved_query
from orchestration.saved_queries.writing import write_saved_query
from orchestration.web.ask.asked import OUTPUTS, Asked
from orchestration.web.ask.checking import plain_query
from orchestration.web.ask.form import CLIENT_TYPES, GROUPS, INTERVALS, interval_fields
from orchestration.web.saved.fields import Fields

ZONES = ("UTC", "Europe/Kyiv", "Asia/Kathmandu", "America/Argentina/Buenos_Aires")
OFFSETS = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=3))]
)

# What no HTML form can carry: a browser makes every line end its own.
names = st.text(st.characters(exclude_characters="\r\0", exclude_categories=["Cs"]), min_size=1, max_size=30)
days = st.dates(date(1800, 1, 1), date(2200, 1, 1))
moments = days | st.builds(datetime.combine, days, st.times(), OFFSETS)


@st.composite
def intervals(draw):
    if draw(st.booleans()):
        return draw(
            st.sampled_from(INTERVALS)
            | st.builds(
                "last {} {}".format,
                st.integers(1, 9999),
                st.sampled_from(["days", "weeks", "months", "years"]),
            )
        )
    first = draw(moments)
    after = draw(
        st.dates(first.date() if isinstance(first, datetime) else first, date(2300, 1, 1))
    ) + timedelta(days=3)
    return {"from": first, "to": draw(st.sampled_from([after, datetime.combine(after, time(1, 2, 3))]))}


queries = st.builds(
    lambda **values: ReportQuery.model_validate(values),
    interval=intervals(),
    timezone=st.sampled_from(ZONES),
    client_type=st.sampled_from(list(CLIENT_TYPES)),
    client_tags=st.lists(names, unique=True, max_size=3),
    owners=st.lists(names, unique=True, max_size=3),
    packages=st.lists(names, unique=True, max_size=3),
    group_by=st.sampled_from(
        [[], ["year"], ["package_name"], ["month", "package_name"], ["package_name", "date"]]
    ),
    currency=st.sampled_from([None, "USD", "EUR"]),
    active_duration=st.integers(1, 1200),
)


@given(queries)
def test_a_query_comes_back_from_its_address(query):
    assert plain_query(Asked.read(QueryParams(Asked.of_query(query).address()))) == query


class Submission(html.parser.HTMLParser):
    """The fields that a browser without scripts sends of a form."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.select, self.options = [], None, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "input" and "name" in given:
            self.fields.append((given["name"], given.get("value", "")))
        elif tag == "select":
            self.select, self.options = given["name"], []
        elif tag == "option":
            self.options.append([given.get("value"), "selected" in given])

    def handle_data(self, data):
        if self.options and self.options[-1][0] is None:
            self.options[-1][0] = data

    def handle_endtag(self, tag):
        if tag == "select":
            chosen = [value for value, selected in self.options if selected] or [self.options[0][0]]
            self.fields.append((self.select, chosen[-1]))
            self.options = []


def rendered(asked):
    template = layouts().get_template("ask_form.html.j2")
    return template.render(
        asked=asked,
        interval=interval_fields(asked.one("interval")),
        problems={},
        intervals=INTERVALS,
        client_types=CLIENT_TYPES,
        groups=GROUPS,
        outputs=OUTPUTS,
        **dict.fromkeys(("visitor", "bound")),
        **dict.fromkeys(
            ("csrf", "path", "notice", "saved", "saved_title", "token", "base_currency", "interval_now"), "x"
        ),
    )


@settings(max_examples=60, deadline=None)
@given(queries)
def test_a_query_comes_back_from_its_form_as_a_browser_without_scripts_sends_it(query):
    sent = urlencode(Submission(rendered(Asked.of_query(query))).fields)
    assert parse_qsl(sent)
    assert plain_query(Asked.read(QueryParams(sent))) == query


@settings(max_examples=60, deadline=None)
@given(query=queries, description=names)
def test_a_query_comes_back_from_its_file(tmp_path_factory, query, description):
    folder = tmp_path_factory.mktemp("templates")
    fields = Fields(name="x", title="T", description=description)
    written = write_saved_query(folder, "x", fields.contents(query, {}))
    assert written.query == query
    assert read_saved_query(folder / "x.yaml") == written
    assert written.description == description


def test_an_address_reads_like_the_command_line():
    query = ReportQuery(
        interval=Between.model_validate({"from": "2018-01-01", "to": "2018-12-31 23:59:59"}),
        timezone="Europe/Kyiv",
        owners=("Northline Telecom", "r2"),
        group_by=("month",),
        currency="USD",
    )
    assert Asked.of_query(query).address() == (
        "from=2018-01-01&to=2018-12-31+23%3A59%3A59&timezone=Europe%2FKyiv&client_type=client"
        "&owners=Northline+Telecom&owners=r2&group_by=month&currency=USD&active_duration=3"
    )


def test_a_chosen_interval_counts_and_not_the_times_that_stand_beside_it():
    asked = Asked.read(QueryParams("interval=last&last=3&unit=weeks&from=2018-01-01&to=2018-02-01"))
    assert asked.values()["interval"] == "last 3 weeks"


def test_addresses_may_come_as_one_list():
    asked = Asked.read(QueryParams(urlencode({"send_to": " a@example.com, b@example.com;a@example.com\n"})))
    assert asked.several("send_to") == ("a@example.com", "b@example.com")
