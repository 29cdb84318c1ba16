"""Look-up of the names in a query: names become ids, unknown names become errors with a hint."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from orchestration.builds.store import Build
from orchestration.domain import ClientType
from orchestration.errors import RequestError
from orchestration.reporting.parameters import ReportQuery

_MAX_LISTED_NAMES = 5
"""The number of names that an error message lists."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the billing system."""

    package_id: str
    name: str


@dataclass(frozen=True, slots=True)
class ResolvedFilters:
    """The filters of a query with ids instead of names. None means no filter."""

    client_tags: list[str] | None
    owner_ids: list[str] | None
    packages: list[Package] | None
    """The packages of the filter, in the order of the groups (definition: Grouping by package)."""
    all_packages: list[Package]
    """All packages in the same order; empty if the query needs none."""


class UnknownName(RequestError):
    """The data does not have a name that the query uses. `parameter` is the query's key."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(message)
        self.parameter = parameter


def resolve_filters(build: Build, query: ReportQuery, base_currency: str) -> ResolvedFilters:
    """Return the filters of a query with the ids of a build.

    Raise UnknownName for the first name that the build does not have.
    """
    problems = find_unknown_names(build, query, base_currency)
    if problems:
        raise problems[0]
    resellers = _load_resellers(build) if query.owners else []
    packages = _load_packages(build) if query.packages or query.by_package else []
    filter_ids = {_ids_of(_to_pairs(packages), name)[0] for name in query.packages}
    return ResolvedFilters(
        client_tags=list(query.client_tags) or None,
        owner_ids=[_ids_of(resellers, name)[0] for name in query.owners] or None,
        packages=[package for package in packages if package.package_id in filter_ids] or None,
        all_packages=packages,
    )


def find_unknown_names(build: Build, query: ReportQuery, base_currency: str) -> list[UnknownName]:
    """Return an error for each name that the build does not have, in the parameters' order."""
    resellers = _load_resellers(build) if query.owners else []
    packages = _to_pairs(_load_packages(build)) if query.packages else []
    problems = _find_unknown_tags(build, query.client_tags)
    problems += _find_unknown("owners", "owner", query.owners, resellers)
    problems += _find_unknown("packages", "package", query.packages, packages)
    if query.currency and query.currency != base_currency:
        currencies = _load_currencies(build, base_currency)
        if query.currency not in currencies:
            message = f"unknown currency {query.currency!r}: use one of {', '.join(currencies)}"
            problems.append(UnknownName("currency", message))
    return problems


def _find_unknown_tags(build: Build, tags: Sequence[str]) -> list[UnknownName]:
    if not tags:
        return []
    rows = build.cached_rows("select distinct unnest(tags) from clients")
    used_tags = [tag for (tag,) in rows]
    return [
        UnknownName("client_tags", _describe_unknown("client tag", tag, used_tags))
        for tag in tags
        if (tag,) not in rows
    ]


def _find_unknown(
    parameter: str, noun: str, names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[UnknownName]:
    """Return an error for each name that matches no pair of id and name, or several."""
    problems = []
    for name in names:
        ids = _ids_of(pairs, name)
        if not ids:
            existing_names = [existing for _, existing in pairs]
            problems.append(UnknownName(parameter, _describe_unknown(noun, name, existing_names)))
        elif len(ids) > 1:
            message = (
                f"{noun} {name!r} is the name of {len(ids)} {noun}s: use an id, one of {_list_first(ids)}"
            )
            problems.append(UnknownName(parameter, message))
    return problems


def _describe_unknown(noun: str, name: str, existing_names: Sequence[str]) -> str:
    similar = get_close_matches(name, existing_names, n=3, cutoff=0.5)
    if similar:
        return f"unknown {noun} {name!r}: did you mean {' or '.join(map(repr, similar))}?"
    if not existing_names:
        return f"unknown {noun} {name!r}: the data has no {noun}"
    return f"unknown {noun} {name!r}: use one of {_list_first(list(map(repr, existing_names)))}"


def _list_first(values: Sequence[str]) -> str:
    """Return the first values in alphabetical order, and an ellipsis if there are more."""
    more = ", …" if len(values) > _MAX_LISTED_NAMES else ""
    return f"{', '.join(sorted(values)[:_MAX_LISTED_NAMES])}{more}"


def _ids_of(pairs: Sequence[tuple[str, str]], name: str) -> list[str]:
    """Return the ids that a user's word matches. A matching id wins over matching display names."""
    return [key for key, _ in pairs if key == name] or [
        key for key, display_name in pairs if display_name == name
    ]


def _to_pairs(packages: Sequence[Package]) -> list[tuple[str, str]]:
    return [(package.package_id, package.name) for package in packages]


def _load_resellers(build: Build) -> list[tuple[str, str]]:
    """Return the id and name of every reseller."""
    return build.cached_rows(
        "select client_id, name from clients where client_type = $client_type",
        {"client_type": ClientType.RESELLER},
    )


def _load_packages(build: Build) -> list[Package]:
    """Return every package in the order of the groups: by name, then by id, both by code point."""
    rows = build.cached_rows("select package_id, name from packages")
    return sorted((Package(*row) for row in rows), key=lambda package: (package.name, package.package_id))


def _load_currencies(build: Build, base_currency: str) -> list[str]:
    """Return every currency that has a rate or a client, and the base currency."""
    rows = build.cached_rows("select currency from exchange_rates union select currency from clients")
    return sorted({base_currency, *(currency for (currency,) in rows)})
