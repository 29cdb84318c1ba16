"""Extracts written by hand in which one instant, or one row, decides what a report says."""

import itertools
from datetime import date
from decimal import Decimal

from extract import Package, Rate, Tag
from tiny import client, moved, world


def pauses_of_a_short_month():
    """Paid on 1 February, and again on the day given: three clients, each a little later than the one before."""
    days = (
        "2018-02-27",
        "2018-02-28T23:59:59.999999",
        "2018-03-01",
        "2018-03-01T00:00:00.000001",
        "2018-03-20",
    )
    return world(
        *(client(f"c{number}") for number, _ in enumerate(days)),
        *(moved(f"c{number}", "2018-02-01", "usage", "-1") for number, _ in enumerate(days)),
        *(moved(f"c{number}", "2018-02-10", "refill", "5") for number, _ in enumerate(days)),
        *(moved(f"c{number}", day, "usage", "-2") for number, day in enumerate(days)),
    )


def lapsed_for_a_microsecond():
    """Paid as January ended, and again a microsecond into March: known until then, it has lapsed by then."""
    return world(
        client("a"),
        moved("a", "2018-01-31T23:59:59.999999", "usage", "-1"),
        moved("a", "2018-03-01T00:00:00.000001", "usage", "-2"),
    )


def activated_as_the_period_ends():
    """A package taken on the first instant after March, and one a microsecond before; both clients refill in March."""
    return world(
        Package("p1", "One"),
        *(client(name) for name in ("on time", "too late")),
        *(moved(name, "2018-03-10", "refill", "7") for name in ("on time", "too late")),
        moved("on time", "2018-03-31T23:59:59.999999", "package_activation", "-1", "p1"),
        moved("too late", "2018-04-01", "package_activation", "-1", "p1"),
    )


def moved_before_and_after_the_first_package():
    """Two packages, the first taken in March at a month's first instant; refills before and after, a client without any."""
    return world(
        Package("p1", "One"),
        Package("p2", "Two"),
        client("a"),
        client("none"),
        moved("a", "2018-01-10", "refill", "100"),
        moved("none", "2018-01-10", "refill", "50"),
        moved("a", "2018-02-10", "usage", "-3"),
        moved("a", "2018-03-01", "package_activation", "-7", "p1"),
        moved("a", "2018-05-31T23:59:59.999999", "package_activation", "-11", "p2"),
        moved("a", "2018-08-20", "package_renewal", "-13", "p1"),
        moved("none", "2018-08-20", "usage", "-70"),
        moved("a", "2018-10-02", "refill", "17"),
    )


def charged_for_what_no_package_has_to_do_with():
    """A client of a package: usage that names another one, an activation that names none."""
    return world(
        Package("p1", "One"),
        Package("p2", "Two"),
        client("a"),
        moved("a", "2018-02-10", "package_activation", "-1", "p1"),
        moved("a", "2018-03-10", "usage", "-2", "p2"),
        moved("a", "2018-03-11", "package_activation", "-4"),
        moved("a", "2018-03-12", "package_renewal", "-8", "p1"),
    )


def moved_before_there_was_a_rate(kind, amount, package=None):
    """A month in which one transaction moved, in pounds that have a rate from the next day on."""
    return world(
        Package("p1", "One"),
        client("a", currency="GBP"),
        moved("a", "2018-02-10", "package_activation", "-1", "p1"),
        moved("a", "2018-03-12", kind, amount, package),
        Rate("GBP", date(2018, 3, 13), Decimal(2)),
    )


def in_the_middle_of_many():
    """A tagged client that moves between hundreds of another's transactions, and before and after them."""
    return world(
        client("few"),
        client("many"),
        Tag("few", "vip"),
        *(
            moved("few", day, "refill", "1")
            for day in ("2018-03-01", "2018-03-10", "2018-03-20", "2018-03-31")
        ),
        *(
            moved("many", f"2018-03-{day}T{number // 60:02}:{number % 60:02}", "refill", "1")
            for day in ("05", "25")
            for number in range(301)
        ),
    )


def many_packages(*rates):
    """Seven packages, each with a client of its own and one that holds them all; one client holds none."""
    packages = [f"p{number}" for number in range(7)]
    return world(
        *(Package(name, f"Package {name}") for name in packages),
        *(
            client(name, currency=currency)
            for name, currency in zip(packages, itertools.cycle(("EUR", "USD", "GBP")))
        ),
        *(client(name) for name in ("all", "none")),
        *(
            moved(name, f"2018-03-0{number}", "package_activation", "-0.333", name)
            for number, name in enumerate(packages, 1)
        ),
        *(
            moved("all", f"2018-03-1{number}", "package_renewal", "-3", name)
            for number, name in enumerate(packages)
        ),
        *(moved(name, "2018-03-20", "refill", "0.01") for name in (*packages, "none")),
        *rates,
    )
