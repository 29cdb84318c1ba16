"""Extracts in which one instant or one row decides the report."""

import itertools
from datetime import date
from decimal import Decimal

from builders import client, make_extract, transaction
from extract import Package, Rate, Tag


def pauses_of_a_short_month():
    """Return clients that pay on 1 February, and again around the end of the month."""
    days = (
        "2018-02-27",
        "2018-02-28T23:59:59.999999",
        "2018-03-01",
        "2018-03-01T00:00:00.000001",
        "2018-03-20",
    )
    return make_extract(
        *(client(f"c{number}") for number, _ in enumerate(days)),
        *(transaction(f"c{number}", "2018-02-01", "usage", "-1") for number, _ in enumerate(days)),
        *(transaction(f"c{number}", "2018-02-10", "refill", "5") for number, _ in enumerate(days)),
        *(transaction(f"c{number}", day, "usage", "-2") for number, day in enumerate(days)),
    )


def lapsed_for_a_microsecond():
    """Return a client that pays at the end of January and again a microsecond into March."""
    return make_extract(
        client("a"),
        transaction("a", "2018-01-31T23:59:59.999999", "usage", "-1"),
        transaction("a", "2018-03-01T00:00:00.000001", "usage", "-2"),
    )


def activated_at_the_period_end():
    """Return two activations: one microsecond before the end of March, and at its end."""
    return make_extract(
        Package("p1", "One"),
        *(client(name) for name in ("on time", "too late")),
        *(transaction(name, "2018-03-10", "refill", "7") for name in ("on time", "too late")),
        transaction("on time", "2018-03-31T23:59:59.999999", "package_activation", "-1", "p1"),
        transaction("too late", "2018-04-01", "package_activation", "-1", "p1"),
    )


def active_before_the_first_package():
    """Return a client with transactions before and after its first package, and one without any."""
    return make_extract(
        Package("p1", "One"),
        Package("p2", "Two"),
        client("a"),
        client("none"),
        transaction("a", "2018-01-10", "refill", "100"),
        transaction("none", "2018-01-10", "refill", "50"),
        transaction("a", "2018-02-10", "usage", "-3"),
        transaction("a", "2018-03-01", "package_activation", "-7", "p1"),
        transaction("a", "2018-05-31T23:59:59.999999", "package_activation", "-11", "p2"),
        transaction("a", "2018-08-20", "package_renewal", "-13", "p1"),
        transaction("none", "2018-08-20", "usage", "-70"),
        transaction("a", "2018-10-02", "refill", "17"),
    )


def charged_outside_its_package():
    """Return a client with usage in a package that it does not hold, and an activation of none."""
    return make_extract(
        Package("p1", "One"),
        Package("p2", "Two"),
        client("a"),
        transaction("a", "2018-02-10", "package_activation", "-1", "p1"),
        transaction("a", "2018-03-10", "usage", "-2", "p2"),
        transaction("a", "2018-03-11", "package_activation", "-4"),
        transaction("a", "2018-03-12", "package_renewal", "-8", "p1"),
    )


def transaction_before_the_first_rate(kind, amount, package=None):
    """Return one transaction in pounds, on the day before their first rate."""
    return make_extract(
        Package("p1", "One"),
        client("a", currency="GBP"),
        transaction("a", "2018-02-10", "package_activation", "-1", "p1"),
        transaction("a", "2018-03-12", kind, amount, package),
        Rate("GBP", date(2018, 3, 13), Decimal(2)),
    )


def few_transactions_among_many():
    """Return a tagged client with transactions between hundreds of another client's."""
    return make_extract(
        client("few"),
        client("many"),
        Tag("few", "vip"),
        *(
            transaction("few", day, "refill", "1")
            for day in ("2018-03-01", "2018-03-10", "2018-03-20", "2018-03-31")
        ),
        *(
            transaction("many", f"2018-03-{day}T{number // 60:02}:{number % 60:02}", "refill", "1")
            for day in ("05", "25")
            for number in range(301)
        ),
    )


def many_packages(*rates):
    """Return seven packages with a client each, a client with all of them, and one with none."""
    packages = [f"p{number}" for number in range(7)]
    return make_extract(
        *(Package(name, f"Package {name}") for name in packages),
        *(
            client(name, currency=currency)
            for name, currency in zip(packages, itertools.cycle(("EUR", "USD", "GBP")))
        ),
        *(client(name) for name in ("all", "none")),
        *(
            transaction(name, f"2018-03-0{number}", "package_activation", "-0.333", name)
            for number, name in enumerate(packages, 1)
        ),
        *(
            transaction("all", f"2018-03-1{number}", "package_renewal", "-3", name)
            for number, name in enumerate(packages)
        ),
        *(transaction(name, "2018-03-20", "refill", "0.01") for name in (*packages, "none")),
        *rates,
    )
