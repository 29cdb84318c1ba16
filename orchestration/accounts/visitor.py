"""Visitors of the pages and their roles."""

from dataclasses import dataclass
from enum import IntEnum


class Role(IntEnum):
    """What a visitor may do. A role includes the rights of all lower roles."""

    VIEWER = 1
    """Reads the archive."""
    ANALYST = 2
    """Computes reports, saves queries, sends mails."""
    ADMIN = 3
    """Revokes links and manages users."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person who uses the pages."""

    name: str
    role: Role
    owner_id: str | None = None
    """The reseller that the visitor is bound to: they see only that reseller's clients."""
    is_local: bool = False
    """Whether this is the local admin: any person at this machine while there are no users."""

    def may(self, role: Role) -> bool:
        """Return whether the visitor has the rights of the role."""
        return self.role >= role
