"""Tables and reports for the tests of the rendering package."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.report import Provenance, Report
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit

HOSTILE = (
    '=HYPERLINK("http://evil.example","Gold")',
    "+380 Intl",
    "-50%",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "<script>alert(1)</script>",
    'Evening, "night" & weekend',
    "two\nlines",
    "#N/A",
    "bell\x07 and \x1b escape",
    "Тариф 💩 {{ 7*7 }}",
)

MOMENT = datetime(2025, 1, 1, 5, 0, 7, 123456, tzinfo=UTC)


def block(package=None, columns=3, quantity=7, money=Decimal("-12.50")):
    """Return a block. Its first column is N/A in money rows and 0 in quantity rows."""
    empty = {Unit.QUANTITY: 0, Unit.MONEY: None}
    value = {Unit.QUANTITY: quantity, Unit.MONEY: money}
    return Block(
        package,
        tuple((empty[unit], *[value[unit]] * (columns - 1)) if columns else () for _, _, unit in METRICS),
    )


def labels(count):
    return tuple(f"{i % 12 + 1:02d}/{2018 + i // 12}" for i in range(count))


def table(columns=3):
    return ReportTable(labels(columns), (block(columns=columns),))


def table_by_package(*packages, columns=3):
    return ReportTable(labels(columns), tuple(block(name, columns) for name in packages), by_package=True)


def report(of, **changes):
    values = {
        "interval": "last 12 months",
        "timezone": "Europe/Kyiv",
        "client_tags": ["retail"],
        "owners": ["Northline Telecom"],
        "group_by": ["month"],
        "currency": "USD",
    }
    query = ReportQuery(**(values | changes))
    return Report(
        query=query,
        interval=resolve_interval(query, MOMENT),
        table=of,
        as_of=MOMENT - timedelta(hours=2),
        build_id=17,
        data_interval=(
            datetime(2024, 1, 3, 9, 30, tzinfo=UTC),
            datetime(2024, 12, 31, 21, 59, 59, tzinfo=UTC),
        ),
        computed_in=timedelta(milliseconds=123),
    )


PROVENANCE = Provenance(
    title="Customer Dynamics, month by month",
    generated_by="schedule",
    generated_at=MOMENT,
    link="https://reports.example/view?id=abc&def",
)

names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=30),
)
quantities = st.integers(0, 10**9)
amounts = st.none() | st.decimals(-(10**15), 10**15, places=2, allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw):
    """Draw a table with few columns, hostile labels, few packages, N/A, zero, cents and 10^15."""
    columns = tuple(draw(st.lists(names, max_size=4)))
    by_package = draw(st.booleans())
    packages = draw(st.lists(names, max_size=3)) if by_package else [None]

    def row(unit):
        cells = quantities if unit is Unit.QUANTITY else amounts
        return tuple(draw(st.lists(cells, min_size=len(columns), max_size=len(columns))))

    blocks = tuple(Block(package, tuple(row(unit) for _, _, unit in METRICS)) for package in packages)
    return ReportTable(columns, blocks, by_package)
