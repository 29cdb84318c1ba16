"""Strategies for small random extracts and queries, close to critical instants."""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from extract import Client, Extract, Package, Rate, Tag, Transaction
from hypothesis import strategies as st
from periods import Params, instant_of, resolve_interval

ZONES = (
    "UTC",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/Havana",
    "Africa/Cairo",
    "Pacific/Apia",
    "America/St_Johns",
    "Europe/Kyiv",
    "Australia/Lord_Howe",
    "America/New_York",
)
# Instants by era. Each extract uses one era, so that its rows are close to each other.
ERAS = [
    [instant_of(datetime.fromisoformat(wall), ZoneInfo(zone)) for zone, *walls in era for wall in walls]
    for era in (
        (
            ("UTC", "2018-03-01", "2018-03-15T12:00", "2018-03-31", "2018-04-01", "2018-05-31", "2019-01-01"),
            ("Asia/Kolkata", "2018-03-01", "2018-04-01"),
            ("Asia/Kathmandu", "2018-03-31", "2018-04-01"),
            ("America/Havana", "2018-03-11", "2018-11-04", "2018-11-05"),  # no midnight, two midnights
            ("America/New_York", "2018-03-11T02:30", "2018-04-01", "2018-11-04T01:30", "2018-12-31"),
            ("Europe/Kyiv", "2018-03-25T03:30", "2018-04-01", "2018-10-28T03:30"),
            ("Australia/Lord_Howe", "2018-04-01T01:30", "2018-10-07T02:15"),  # summer time of half an hour
        ),
        (
            ("UTC", "2020-01-01", "2020-01-31", "2020-02-28", "2020-02-29", "2020-03-01", "2020-05-31"),
            ("Asia/Kathmandu", "2020-02-29", "2020-03-01"),
            ("America/Havana", "2020-03-08"),
            ("America/St_Johns", "2020-02-29", "2020-03-08T02:30"),
        ),
        (
            ("Pacific/Apia", "2011-12-29", "2011-12-30", "2011-12-31T12:00", "2012-01-01"),  # no 30 December
            ("UTC", "2011-12-01", "2011-12-31", "2012-01-01", "2012-02-29"),
            ("America/St_Johns", "2011-12-31", "2012-01-01"),
        ),
        (
            ("UTC", "2010-08-01", "2010-10-31", "2010-11-30"),
            ("America/St_Johns", "2010-11-06T23:30", "2010-11-07", "2010-11-08"),  # set back over midnight
            (
                "Africa/Cairo",
                "2010-04-30",
                "2010-08-11",
                "2010-09-10",
                "2010-10-01",
            ),  # four clock changes in a year
        ),
        (
            ("UTC", "2023-04-30", "2023-11-01"),
            ("Africa/Cairo", "2023-04-28", "2023-10-26T23:30", "2023-10-27", "2023-11-01"),
            ("America/Havana", "2023-03-12", "2023-11-05", "2023-11-05T00:30"),
            ("America/New_York", "2023-11-01", "2023-11-05T01:30"),
        ),
    )
]
NUDGES = [
    timedelta(**nudge)
    for nudge in (
        {},
        {"microseconds": -1},
        {"microseconds": 1},
        {"seconds": -1},
        {"hours": 1},
        {"hours": -1},
        {"minutes": 30},
        {"days": 1},
        {"days": -1},
        {"days": 31},
    )
]
LONG = timedelta(days=400)
KINDS = ("usage", "refill", "package_activation", "package_renewal", "transfer", "adjustment")
CLIENT_TYPES = ("client", "client", "client", "reseller", "reseller", "calling_card", "call_shop")
CURRENCIES = ("USD", "EUR", "UAH")
NAMED_INTERVALS = (
    *("today", "yesterday", "last 2 days", "last 35 days", "last 5 weeks", "last 1 months", "last 7 months"),
    *(f"{which} {unit}" for unit in ("week", "month", "quarter", "year") for which in ("this", "previous")),
    "last 2 years",
)
TAGS = ("retail", "vip", "=1+1")
RESELLER_NAMES = ("Northline", "Northline", "Оператор", "c1", "=cmd()")
PACKAGE_NAMES = (
    "Unlimited 870",
    "Unlimited 870 ",
    "unlimited 870",
    "No package",
    "p1",
    '=HYPERLINK("//x","y")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\ttab",
    "\rreturn",
    'comma, "quote"\r\nand line',
    "<script>alert(1)</script>",
    "'quoted",
    "Żółty 💛",
    "Total",
)
TRICKY_AMOUNTS = [
    Decimal(amount)
    for amount in (
        "0",
        "0.005",
        "0.015",
        "0.004999",
        "0.000001",
        "0.333333",
        "0.125",
        "99999999999999.999999",
    )
]
AMOUNTS = st.one_of(
    st.integers(0, 500_00).map(lambda cents: Decimal(cents).scaleb(-2)),
    st.sampled_from(TRICKY_AMOUNTS),
    st.integers(0, 1_000_000_000).map(lambda millionths: Decimal(millionths).scaleb(-6)),
)
ROUND_RATES = ("1", "2", "1.05", "1.22", "0.5", "0.036101", "3", "7")
LONG_RATES = ("1.234567890123456789", "0.000000000000000007")
RATES = st.sampled_from([Decimal(rate) for rate in (*ROUND_RATES, *LONG_RATES)])


def rarely(draw: st.DrawFn, times_in_ten: int = 1) -> bool:
    """Draw True in few of many draws. Examples shrink to False."""
    return draw(st.integers(0, 9)) > 9 - times_in_ten


def by_frequency(client: Client) -> tuple[int, str]:
    """Return the sort key that puts clients of the most frequent type first."""
    return -CLIENT_TYPES.count(client.client_type), client.client_type


@st.composite
def extracts(draw: st.DrawFn) -> Extract:
    """Draw a valid extract with unusual values (definition: Source tables)."""
    era = st.sampled_from(draw(st.sampled_from(ERAS)))
    moments = draw(
        st.lists(st.builds(lambda m, d: m + d, era, st.sampled_from(NUDGES)), min_size=2, max_size=7)
    )
    moment = st.sampled_from(moments)
    names = draw(st.lists(st.sampled_from(PACKAGE_NAMES), min_size=draw(st.sampled_from((0, 3))), max_size=4))
    packages = [Package(f"p{n}", name) for n, name in enumerate(names, 1)]
    clients = draw_clients(draw, moments)
    return Extract(
        clients=tuple(clients),
        client_tags=tuple(Tag(c.client_id, tag) for c in clients for tag in TAGS if rarely(draw, 3)),
        packages=tuple(packages),
        transactions=tuple(draw_transactions(draw, moment, clients, packages)),
        exchange_rates=tuple(rate for currency in CURRENCIES for rate in draw_rates(draw, moment, currency)),
    )


def draw_clients(draw: st.DrawFn, moments: list[datetime]) -> list[Client]:
    """Draw clients of all types, resellers first. Each can belong to an earlier reseller."""
    created_at = st.sampled_from([min(moments) - LONG, *moments])
    clients: list[Client] = []
    types = draw(st.lists(st.sampled_from(CLIENT_TYPES), min_size=draw(st.sampled_from((1, 4))), max_size=8))
    for n, client_type in enumerate(sorted(types, key=lambda client_type: client_type != "reseller"), 1):
        owners = [None, *(c.client_id for c in clients if c.client_type == "reseller")]
        name = draw(st.sampled_from(RESELLER_NAMES)) if client_type == "reseller" else f"Client {n}"
        owner, currency = draw(st.sampled_from(owners)), draw(st.sampled_from(CURRENCIES))
        created = draw(created_at)
        clients.append(Client(f"c{n}", name, client_type, owner, currency, created, created))
    return clients


def draw_transactions(
    draw: st.DrawFn, moment: st.SearchStrategy[datetime], clients: list[Client], packages: list[Package]
) -> list[Transaction]:
    """Draw up to 40 transactions at few instants. Most have the usual sign and package."""

    @st.composite
    def transactions(draw: st.DrawFn) -> Transaction:
        kind, occurred_at, amount = draw(st.sampled_from(KINDS)), draw(moment), draw(AMOUNTS)
        packaged = kind.startswith("package_") != rarely(draw)
        return Transaction(
            transaction_id="",
            client_id=draw(st.sampled_from(clients)).client_id,
            occurred_at=occurred_at,
            kind=kind,
            amount=amount if (kind == "refill") != rarely(draw) else -amount,
            package_id=draw(st.sampled_from(packages)).package_id if packaged and packages else None,
            updated_at=occurred_at + timedelta(hours=1),
            voided_at=occurred_at + timedelta(days=1) if rarely(draw) else None,
        )

    at_least = draw(st.sampled_from((0, 5, 10, 20)))
    drawn = draw(st.lists(transactions(), min_size=at_least, max_size=40))
    if not rarely(draw, 3):
        # One client activates every package. Otherwise few reports would have several groups.
        holder, activated_at = draw(st.sampled_from(sorted(clients, key=by_frequency))), draw(moment)
        drawn += [
            replace(
                draw(transactions()),
                client_id=holder.client_id,
                occurred_at=activated_at,
                kind="package_activation",
                package_id=package.package_id,
                updated_at=activated_at + timedelta(hours=1),
                voided_at=None,
            )
            for package in packages
        ]
    return [replace(transaction, transaction_id=f"t{n}") for n, transaction in enumerate(drawn, 1)]


def draw_rates(draw: st.DrawFn, moment: st.SearchStrategy[datetime], currency: str) -> list[Rate]:
    """Draw the rates of a currency. Most are valid since 2000, some start later or not at all."""
    dates = draw(st.lists(moment.map(datetime.date), max_size=3))
    if not rarely(draw, 3):
        dates.append(date(2000, 1, 1))
    return [Rate(currency, valid_from, draw(RATES)) for valid_from in sorted(set(dates))]


@dataclass(frozen=True)
class QueryCase:
    """A query of an extract, with the context that its report depends on."""

    params: Params
    as_of: datetime
    base_currency: str
    now: datetime


@st.composite
def query_cases(draw: st.DrawFn, extract: Extract) -> QueryCase:
    """Draw a valid query with an interval near the instants of the extract."""
    anchors = sorted({c.created_at for c in extract.clients} | {t.occurred_at for t in extract.transactions})
    first, last = sorted(draw(st.sampled_from(anchors)) + draw(st.sampled_from(NUDGES)) for _ in range(2))
    zone = draw(st.sampled_from(ZONES))
    group_by = draw(st.sampled_from(((), ("month",), ("date",), ("year",))))
    group_by += draw(st.sampled_from(((), ("package_name",))))
    last += timedelta(days=draw(st.sampled_from((31, 0, 366))))
    if "date" in group_by:  # keep the number of columns small
        last = min(last, first + timedelta(days=35))
    client_types = list(dict.fromkeys(c.client_type for c in sorted(extract.clients, key=by_frequency)))
    resellers = [c for c in extract.clients if c.client_type == "reseller"]
    params = Params(
        interval=draw_interval(draw, first, last, ZoneInfo(zone)),
        timezone=zone,
        client_type=draw(st.sampled_from(client_types)),
        client_tags=draw_filter(draw, sorted({tag.tag for tag in extract.client_tags})),
        owners=draw_filter(draw, [key for c in resellers for key in (c.client_id, c.name)]),
        packages=draw_filter(draw, [key for p in extract.packages for key in (p.package_id, p.name)]),
        group_by=group_by,
        currency=draw(st.sampled_from((None, *CURRENCIES))),
        active_duration=draw(st.one_of(st.just(3), st.integers(1, 24))),
    )
    start, end = (boundary.instant for boundary in resolve_interval(params, now=last))
    later = max(anchors[-1], end) + LONG
    middling = (start + (end - start) / 2, end - timedelta(microseconds=1), end, start, start - LONG)
    as_of = draw(st.sampled_from((*middling, *anchors))) if rarely(draw, 3) else later
    base_currency = "EUR" if rarely(draw, 2) else "USD"
    return QueryCase(params, as_of, base_currency, now=last)


def draw_filter(draw: st.DrawFn, values: list[str]) -> tuple[str, ...]:
    """Draw no filter in most cases, or some of the values."""
    if not values or not rarely(draw, 3):
        return ()
    return tuple(draw(st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)))


def draw_interval(
    draw: st.DrawFn, first: datetime, last: datetime, zone: ZoneInfo
) -> str | tuple[date, date]:
    """Draw a named interval, or from and to as dates, wall-clock times or instants."""
    if rarely(draw, 2):
        return draw(st.sampled_from(NAMED_INTERVALS))
    other_zone = timezone(timedelta(hours=-3, minutes=-30))
    forms = (
        lambda instant: instant.astimezone(zone).date(),
        lambda instant: instant.astimezone(zone).replace(tzinfo=None, fold=0),
        lambda instant: instant.astimezone(UTC),
        lambda instant: instant.astimezone(other_zone),
    )
    form = draw(st.sampled_from(forms))
    # In a repeated hour the later of two instants can have the earlier wall-clock time.
    return tuple(sorted((form(first), form(last))))
