"""Groups of a report: one for each package, or one for the whole report.

(definition: Grouping by package)
"""

from dataclasses import dataclass

from orchestration.reporting.name_lookup import ResolvedFilters
from orchestration.reporting.parameters import ReportQuery

NO_PACKAGE = "No package"


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of a report, numbered from 1 in the order of the report."""

    labels: tuple[str | None, ...]
    """The name of each group; None for the only group of a report without groups of packages."""
    members: tuple[tuple[int, str], ...]
    """Pairs of group number and package id. A client that holds the package is in the group."""
    no_package: int | None
    """The number of the group `No package`; None if there is no such group."""

    @property
    def is_whole_scope(self) -> bool:
        """True if the only group is all clients in scope, whatever packages they hold."""
        return self.labels == (None,) and not self.members


def list_groups(query: ReportQuery, filters: ResolvedFilters) -> Groups:
    """Return the groups of a query.

    Groups without a client in scope are included. The engine leaves them out later.
    """
    if not query.by_package:
        return Groups((None,), tuple((1, package.package_id) for package in filters.packages or []), None)
    packages = filters.packages or filters.all_packages
    labels = tuple(package.name for package in packages)
    members = tuple((number, package.package_id) for number, package in enumerate(packages, start=1))
    if filters.packages:
        return Groups(labels, members, None)
    return Groups((*labels, NO_PACKAGE), members, len(packages) + 1)
