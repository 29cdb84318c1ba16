"""Tests that a query survives the way through its address, its form and its file."""

import html.parser
from datetime import UTC, date, datetime, time, timedelta, timezone
from urllib.parse import parse_qsl, urlencode

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.rendering import load_layouts
from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.saved_queries.reader import read_saved_query
from orchestration.saved_queries.writer import write_saved_query
from orchestration.web.query_form.fields import OUTPUTS, QueryFormData
from orchestration.web.query_form.form import CLIENT_TYPES, GROUPS, INTERVALS, split_interval
from orchestration.web.query_form.validation import parse_query
from orchestration.web.saved_queries.fields import SaveQueryForm

ZONES = ("UTC", "Europe/Kyiv", "Asia/Kathmandu", "America/Argentina/Buenos_Aires")
OFFSETS = st.sampled_from(
    [None, UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(hours=3))]
)

# An HTML form cannot carry every text: a browser changes line ends.
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
def test_a_query_round_trips_through_its_address(query):
    assert parse_query(QueryFormData.parse_address(QueryFormData.from_query(query).to_address())) == query


class Submission(html.parser.HTMLParser):
    """Parser for the fields that a browser without JavaScript sends."""

    def __init__(self, page):
        super().__init__()
        self.fields, self.select, self.options = [], None, []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if tag == "input" and "name" in values:
            self.fields.append((values["name"], values.get("value", "")))
        elif tag == "select":
            self.select, self.options = values["name"], []
        elif tag == "option":
            self.options.append([values.get("value"), "selected" in values])

    def handle_data(self, data):
        if self.options and self.options[-1][0] is None:
            self.options[-1][0] = data

    def handle_endtag(self, tag):
        if tag == "select":
            selected = [value for value, is_selected in self.options if is_selected]
            self.fields.append((self.select, (selected or [self.options[0][0]])[-1]))
            self.options = []


def render_form(form):
    template = load_layouts().get_template("query_form.html.j2")
    return template.render(
        form=form,
        parameters=QUERY_PARAMETERS,
        interval=split_interval(form.text("interval")),
        problems={},
        intervals=INTERVALS,
        client_types=CLIENT_TYPES,
        groups=GROUPS,
        outputs=OUTPUTS,
        **dict.fromkeys(("visitor", "owner_id")),
        **dict.fromkeys(
            (
                "csrf",
                "path",
                "notice",
                "saved",
                "saved_title",
                "token",
                "base_currency",
                "interval_description",
            ),
            "x",
        ),
    )


@settings(max_examples=60, deadline=None)
@given(queries)
def test_a_query_round_trips_through_the_html_form(query):
    body = urlencode(Submission(render_form(QueryFormData.from_query(query))).fields)
    assert parse_qsl(body)
    assert parse_query(QueryFormData.parse_address(body)) == query


@settings(max_examples=60, deadline=None)
@given(query=queries, description=names)
def test_a_query_round_trips_through_its_file(tmp_path_factory, query, description):
    folder = tmp_path_factory.mktemp("templates")
    form = SaveQueryForm(name="x", title="T", description=description)
    written = write_saved_query(folder, "x", form.to_file(query, {}))
    assert written.query == query
    assert read_saved_query(folder / "x.yaml") == written
    assert written.description == description


def test_an_address_has_the_names_of_saved_queries():
    query = ReportQuery(
        interval=Between.model_validate({"from": "2018-01-01", "to": "2018-12-31 23:59:59"}),
        timezone="Europe/Kyiv",
        owners=("Northline Telecom", "r2"),
        group_by=("month",),
        currency="USD",
    )
    assert QueryFormData.from_query(query).to_address() == (
        "from=2018-01-01&to=2018-12-31+23%3A59%3A59&timezone=Europe%2FKyiv&client_type=client"
        "&owners=Northline+Telecom&owners=r2&group_by=month&currency=USD&active_duration=3"
    )


def test_a_named_interval_wins_over_from_and_to():
    form = QueryFormData.parse_address("interval=last&last=3&unit=weeks&from=2018-01-01&to=2018-02-01")
    assert form.to_values()["interval"] == "last 3 weeks"


def test_mail_addresses_may_be_one_list():
    address = urlencode({"send_to": " a@example.com, b@example.com;a@example.com\n"})
    assert QueryFormData.parse_address(address).texts("send_to") == ("a@example.com", "b@example.com")
