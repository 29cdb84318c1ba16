"""Tests of the chart page, its pictures and its script."""

import re

import pytest


@pytest.fixture
def chart(browser, snapshot):
    """Return a function that opens a chart of the stored report."""
    return lambda **parameters: browser.get("/chart", params={"id": snapshot.manifest.id, **parameters})


def load_spec(chart, /, **parameters):
    answer = chart(format="json", **parameters)
    assert answer.status_code == 200
    return answer.json()


def points(spec):
    return [(point["label"], point["series"], point["value"]) for point in spec["data"]["values"]]


def test_a_preset_draws_its_row_for_each_package(chart, hostile_name):
    assert points(load_spec(chart, chart="balance_refill_total")) == [
        ("02/2018", hostile_name, -98765.43),
        ("03/2018", hostile_name, None),
        ("02/2018", "Basic", -98765.43),
        ("03/2018", "Basic", None),
    ]


def test_rows_packages_and_periods_can_be_chosen(chart):
    choice = {
        "row": ["Clients - All: Qty", "Balance Refill: Total"],
        "package": "Basic",
        "first": "02/2018",
        "last": "02/2018",
    }
    assert points(load_spec(chart, **choice)) == [
        ("02/2018", "Basic, Clients - All: Qty", 1234),
        ("02/2018", "Basic, Balance Refill: Total", -98765.43),
    ]


@pytest.mark.parametrize("mark", ["bar", "line", "area"])
def test_bars_and_areas_can_be_stacked(chart, mark):
    choice = {"chart": "balance_refill_total", "mark": mark}
    grouped, stacked = load_spec(chart, **choice), load_spec(chart, **choice, stack="on")
    assert grouped["mark"]["type"] == stacked["mark"]["type"] == mark
    assert grouped["encoding"]["y"]["stack"] is None
    assert stacked["encoding"]["y"]["stack"] == (None if mark == "line" else "zero")


def test_a_dark_chart_has_the_same_numbers(chart):
    light, dark = (
        load_spec(chart, chart="clients_active_qty"),
        load_spec(chart, chart="clients_active_qty", theme="dark"),
    )
    assert light["background"] != dark["background"]
    assert points(light) == points(dark)


def test_pictures_contain_no_scripts(chart):
    png, svg = (chart(chart="balance_refill_total", format=fmt) for fmt in ("png", "svg"))
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG\r\n")
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert "<script" not in svg.text
    assert "&lt;script&gt;" in svg.text


def test_the_page_has_the_form_the_chart_and_the_numbers(chart, snapshot):
    page = chart(row=["Balance Refill: Total"], mark="line", stack="on", last="02/2018")
    assert page.status_code == 200
    address = re.search(r'data-spec="([^"]*)&amp;format=json"', page.text).group(1)
    assert address.startswith(
        f"/chart?id={snapshot.manifest.id}&amp;row=Balance+Refill%3A+Total&amp;mark=line"
    )
    assert '<option value="line" selected>' in page.text
    assert 'value="Balance Refill: Total" checked' in page.text
    assert f'href="{address}&amp;format=png" download' in page.text
    assert page.text.count("<noscript>") == 2  # the button, and the picture
    assert page.text.count("\u221298\u202f765.43") == 2  # two packages, one period
    assert '<th scope="row">03/2018</th>' not in page.text


def test_a_blank_chart_asks_for_rows(chart):
    page = chart()
    assert page.status_code == 200
    assert "Choose at least one row." in page.text
    assert "data-spec" not in page.text


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"chart": "<b>profit"}, "use clients_active_qty, "),
        ({"row": "<b>Profit: Total"}, "use Clients - Active: Qty, "),
        ({"mark": "<b>pie", "row": "Balance Refill: Total"}, "use bar, line, area"),
        ({"package": "<b>Silver", "row": "Balance Refill: Total"}, "choose a package of the report"),
        ({"first": "<b>2019", "row": "Balance Refill: Total"}, "choose a column of the report"),
        ({"first": "03/2018", "last": "02/2018", "row": "Balance Refill: Total"}, "swap them"),
        ({"format": "<b>exe", "row": "Balance Refill: Total"}, "use svg, png, json"),
    ],
)
def test_an_impossible_chart_shows_the_reason(chart, parameters, message):
    for fmt in ({}, {"format": "json"}) if "format" not in parameters else ({},):
        answer = chart(**parameters, **fmt)
        assert answer.status_code == 400
        assert message in answer.text
        assert "<b>" not in answer.text


def test_hostile_names_are_escaped(chart, hostile_name):
    page = chart(chart="balance_refill_total", package=hostile_name).text
    assert hostile_name not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert " style=" not in page


def test_a_revoked_link_draws_no_chart(chart, archive, snapshot):
    archive.revoke(snapshot.manifest.id)
    for fmt in ({}, {"format": "json"}, {"format": "png"}):
        assert chart(chart="balance_refill_total", **fmt).status_code == 404


def test_the_chart_script_is_local_and_immutable(browser, chart):
    address = re.search(r'data-vega="([^"]*)"', chart(chart="clients_active_qty").text).group(1)
    answer = browser.get(address)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert "vegaEmbed" in answer.text
    assert browser.get("/static/vega-0.0.0.js").status_code == 404
