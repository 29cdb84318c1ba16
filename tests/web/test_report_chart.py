"""A chart is drawn from the stored table, by whoever has the link, and its address says all about it."""

import re

import pytest


@pytest.fixture
def chart(browser, kept):
    """Asks for a chart of the kept report."""
    return lambda **asked: browser.get("/chart", params={"id": kept.manifest.id, **asked})


def spec(chart, /, **asked):
    answer = chart(format="json", **asked)
    assert answer.status_code == 200
    return answer.json()


def drawn(of):
    return [(point["label"], point["series"], point["value"]) for point in of["data"]["values"]]


def test_a_preset_draws_its_row_for_each_package(chart, hostile):
    assert drawn(spec(chart, chart="balance_refill_total")) == [
        ("02/2018", hostile, -98765.43),
        ("03/2018", hostile, None),
        ("02/2018", "Basic", -98765.43),
        ("03/2018", "Basic", None),
    ]


def test_rows_packages_and_periods_are_picked_one_by_one(chart):
    picked = {
        "row": ["Clients - All: Qty", "Balance Refill: Total"],
        "package": "Basic",
        "first": "02/2018",
        "last": "02/2018",
    }
    assert drawn(spec(chart, **picked)) == [
        ("02/2018", "Basic, Clients - All: Qty", 1234),
        ("02/2018", "Basic, Balance Refill: Total", -98765.43),
    ]


@pytest.mark.parametrize("mark", ["bar", "line", "area"])
def test_bars_and_areas_can_be_stacked(chart, mark):
    asked = {"chart": "balance_refill_total", "mark": mark}
    beside, stacked = spec(chart, **asked), spec(chart, **asked, stack="on")
    assert beside["mark"]["type"] == stacked["mark"]["type"] == mark
    assert beside["encoding"]["y"]["stack"] is None
    assert stacked["encoding"]["y"]["stack"] == (None if mark == "line" else "zero")


def test_a_dark_page_gets_a_dark_chart_of_the_same_numbers(chart):
    light, dark = (
        spec(chart, chart="clients_active_qty"),
        spec(chart, chart="clients_active_qty", theme="dark"),
    )
    assert light["background"] != dark["background"]
    assert drawn(light) == drawn(dark)


def test_pictures_are_drawn_from_the_same_spec_and_run_nothing(chart):
    png, svg = (chart(chart="balance_refill_total", format=fmt) for fmt in ("png", "svg"))
    assert png.headers["content-type"] == "image/png"
    assert png.content.startswith(b"\x89PNG\r\n")
    assert svg.headers["content-type"].startswith("image/svg+xml")
    assert "<script" not in svg.text
    assert "&lt;script&gt;" in svg.text


def test_the_page_holds_the_form_the_chart_and_its_numbers(chart, kept):
    page = chart(row=["Balance Refill: Total"], mark="line", stack="on", last="02/2018")
    assert page.status_code == 200
    address = re.search(r'data-spec="([^"]*)&amp;format=json"', page.text).group(1)
    assert address.startswith(f"/chart?id={kept.manifest.id}&amp;row=Balance+Refill%3A+Total&amp;mark=line")
    assert '<option value="line" selected>' in page.text
    assert 'value="Balance Refill: Total" checked' in page.text
    assert f'href="{address}&amp;format=png" download' in page.text
    assert page.text.count("<noscript>") == 2  # the button, and the picture
    assert page.text.count("\u221298\u202f765.43") == 2  # two packages, one period
    assert '<th scope="row">03/2018</th>' not in page.text


def test_a_blank_chart_asks_for_rows(chart):
    page = chart()
    assert page.status_code == 200
    assert "Choose the rows to draw." in page.text
    assert "data-spec" not in page.text


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"chart": "<b>profit"}, "use clients_active_qty, "),
        ({"row": "<b>Profit: Total"}, "use Clients - Active: Qty, "),
        ({"mark": "<b>pie", "row": "Balance Refill: Total"}, "use bar, line, area"),
        ({"package": "<b>Silver", "row": "Balance Refill: Total"}, "choose one of its own"),
        ({"first": "<b>2019", "row": "Balance Refill: Total"}, "choose one of its own"),
        ({"first": "03/2018", "last": "02/2018", "row": "Balance Refill: Total"}, "exchange the two"),
        ({"format": "<b>exe", "row": "Balance Refill: Total"}, "use svg, png, json"),
    ],
)
def test_what_cannot_be_drawn_is_said_and_not_guessed(chart, asked, told):
    for fmt in ({}, {"format": "json"}) if "format" not in asked else ({},):
        answer = chart(**asked, **fmt)
        assert answer.status_code == 400
        assert told in answer.text
        assert "<b>" not in answer.text


def test_names_that_attack_are_only_text(chart, hostile):
    page = chart(chart="balance_refill_total", package=hostile).text
    assert hostile not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert " style=" not in page


def test_a_revoked_link_draws_nothing(chart, archive, kept):
    archive.revoke(kept.manifest.id)
    for fmt in ({}, {"format": "json"}, {"format": "png"}):
        assert chart(chart="balance_refill_total", **fmt).status_code == 404


def test_the_script_ships_with_us_and_is_kept_for_ever(browser, chart):
    address = re.search(r'data-vega="([^"]*)"', chart(chart="clients_active_qty").text).group(1)
    answer = browser.get(address)
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    assert "vegaEmbed" in answer.text
    assert browser.get("/static/vega-0.0.0.js").status_code == 404
