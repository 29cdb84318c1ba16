"""The groups of a report: one for each package when it is grouped by package name, else one (spec 7)."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.resolve import Filters

NO_PACKAGE = "No package"


@dataclass(frozen=True, slots=True)
class Groups:
    """Groups numbered from 1 in the order of the report."""

    labels: tuple[str | None, ...]
    """What each is called; None for the one group of a plain report."""
    members: tuple[tuple[int, str], ...]
    """Group number and package id: a client that holds the package is in the group."""
    no_package: int | None
    """The group of the clients that hold no package, if there is one."""

    @property
    def everyone(self) -> bool:
        """Whether the one group is every client in scope, whatever it holds."""
        return self.who == "everyone"

    @property
    def are_packages(self) -> bool:
        """Whether each is the holders of one package, or of none."""
        return not self.everyone and len({number for number, _ in self.members}) == len(self.members)

    @property
    def who(self) -> Literal["everyone", "holding", "holding_or_none"]:
        """Whom `members` of `sql/scope.sql` are: those in scope, the holders of packages, or those and all others."""
        if self.no_package is not None:
            return "holding_or_none"
        return "holding" if self.members or self.labels != (None,) else "everyone"

    def only(self, numbers: Collection[int]) -> "Groups":
        """Those with these numbers, which they keep."""
        return replace(
            self,
            members=tuple(member for member in self.members if member[0] in numbers),
            no_package=self.no_package if self.no_package in numbers else None,
        )


def groups_of(query: ReportQuery, filters: Filters) -> Groups:
    """The groups that a query asks for; those without a client in scope are left out later."""
    if not query.by_package:
        return Groups((None,), tuple((1, package.package_id) for package in filters.packages or []), None)
    packages = filters.packages or filters.all_packages
    labels = tuple(package.name for package in packages)
    members = tuple((number, package.package_id) for number, package in enumerate(packages, start=1))
    if filters.packages:
        return Groups(labels, members, None)
    return Groups((*labels, NO_PACKAGE), members, len(packages) + 1)
