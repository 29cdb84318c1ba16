"""From the names in a query to ids in the data (spec 2). Unknown names are refused here, with what is near."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from orchestration.builds.store import Build
from orchestration.errors import RequestError
from orchestration.reporting.parameters import ReportQuery

_SHOWN = 5
"""How many known names an error lists."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package by its id and display name."""

    package_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What a query's names stand for; None is no filter.

    Packages are in the order of a report's groups (spec 7); `all_packages` are there for a report by package.
    """

    client_tags: list[str] | None
    owner_ids: list[str] | None
    packages: list[Package] | None
    all_packages: list[Package]


class UnknownName(RequestError):
    """A name that the data does not know; `parameter` is the query's key that holds it."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def resolve_filters(build: Build, query: ReportQuery, base_currency: str) -> Filters:
    """The ids behind the query's names, read from a build. Raises UnknownName for the first unknown one."""
    problems = unknown_names(build, query, base_currency)
    if problems:
        raise problems[0]
    resellers = _resellers(build) if query.owners else []
    packages = _packages(build) if query.packages or query.by_package else []
    chosen = {_ids(_as_pairs(packages), name)[0] for name in query.packages}
    return Filters(
        client_tags=list(query.client_tags) or None,
        owner_ids=[_ids(resellers, name)[0] for name in query.owners] or None,
        packages=[package for package in packages if package.package_id in chosen] or None,
        all_packages=packages,
    )


def unknown_names(build: Build, query: ReportQuery, base_currency: str) -> list[UnknownName]:
    """Every name in the query that the build does not know, in the order of the parameters."""
    resellers = _resellers(build) if query.owners else []
    packages = _as_pairs(_packages(build)) if query.packages else []
    found = _unknown_tags(build, query.client_tags)
    found += _unknown_of("owners", "owner", query.owners, resellers)
    found += _unknown_of("packages", "package", query.packages, packages)
    if query.currency and query.currency != base_currency:
        currencies = _currencies(build, base_currency)
        if query.currency not in currencies:
            message = f"unknown currency {query.currency!r}: use one of {', '.join(currencies)}"
            found.append(UnknownName("currency", message))
    return found


def _unknown_tags(build: Build, tags: Sequence[str]) -> list[UnknownName]:
    """Return an error for each tag that no client has."""
    if not tags:
        return []
    known = build.rows_once("select distinct unnest(tags) from clients")
    names = [tag for (tag,) in known]
    return [
        UnknownName("client_tags", _unknown("client tag", tag, names)) for tag in tags if (tag,) not in known
    ]


def _unknown_of(
    parameter: str, what: str, names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[UnknownName]:
    found = []
    for name in names:
        ids = _ids(pairs, name)
        if not ids:
            known = [known for _, known in pairs]
            found.append(UnknownName(parameter, _unknown(what, name, known)))
        elif len(ids) > 1:
            message = f"{what} {name!r} is the name of {len(ids)}: use an id, one of {_some(ids)}"
            found.append(UnknownName(parameter, message))
    return found


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"unknown {what} {name!r}: did you mean {' or '.join(map(repr, near))}?"
    if not known:
        return f"unknown {what} {name!r}: the data has none"
    return f"unknown {what} {name!r}: known are {_some(list(map(repr, known)))}"


def _some(values: Sequence[str]) -> str:
    more = ", …" if len(values) > _SHOWN else ""
    return f"{', '.join(sorted(values)[:_SHOWN])}{more}"


def _ids(pairs: Sequence[tuple[str, str]], name: str) -> list[str]:
    """The ids that `name` stands for: an id before a display name."""
    return [key for key, _ in pairs if key == name] or [key for key, known in pairs if known == name]


def _as_pairs(packages: Sequence[Package]) -> list[tuple[str, str]]:
    return [(package.package_id, package.name) for package in packages]


def _resellers(build: Build) -> list[tuple[str, str]]:
    """Return the id and name of every reseller."""
    return build.rows_once("select client_id, name from clients where client_type = 'reseller'")


def _packages(build: Build) -> list[Package]:
    """Return all packages in the order of a report's groups.

    They are sorted by name, those of one name by id, both by code point (definition: Grouping by package).
    """
    rows = build.rows_once("select package_id, name from packages")
    return sorted((Package(*row) for row in rows), key=lambda package: (package.name, package.package_id))


def _currencies(build: Build, base_currency: str) -> list[str]:
    rows = build.rows_once("select currency from exchange_rates union select currency from clients")
    return sorted({base_currency, *(currency for (currency,) in rows)})
