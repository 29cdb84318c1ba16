"""The words of the domain that several packages share.

They are the client types, transaction kinds, cohorts, file formats and chart presets.
"""

from enum import StrEnum
from typing import Literal, get_args


class ClientType(StrEnum):
    """The type of a client in the billing system."""

    CLIENT = "client"
    RESELLER = "reseller"
    CALLING_CARD = "calling_card"
    CALL_SHOP = "call_shop"


class TransactionKind(StrEnum):
    """The kind of a billing transaction."""

    REFILL = "refill"
    USAGE = "usage"
    """A paid service outside any package."""
    PACKAGE_ACTIVATION = "package_activation"
    PACKAGE_RENEWAL = "package_renewal"
    TRANSFER = "transfer"
    ADJUSTMENT = "adjustment"


class Cohort(StrEnum):
    """A set of clients that the report counts at the end of each period."""

    ALL = "all"
    """Every client in scope."""
    OVERALL_ACTIVE = "overall_active"
    """Clients that ever had a paid service."""
    ACTIVE = "active"
    """Clients with a paid service within the active duration."""

    @property
    def section(self) -> str:
        """The section of the report table that shows the cohort."""
        return _COHORT_SECTIONS[self]


_COHORT_SECTIONS = {
    Cohort.ALL: "Clients - All",
    Cohort.OVERALL_ACTIVE: "Clients - Overall Active",
    Cohort.ACTIVE: "Clients - Active",
}


class FileFormat(StrEnum):
    """A file format of a report."""

    CSV = "csv"
    XLS = "xls"
    XLSX = "xlsx"
    JSON = "json"


MailFormat = Literal[FileFormat.CSV, FileFormat.XLS, FileFormat.XLSX]
MAIL_FORMATS: tuple[MailFormat, ...] = get_args(MailFormat)
"""The file formats that a mail can carry."""


class ChartPreset(StrEnum):
    """A chart that a saved query can ask for, by the report row that it draws."""

    CLIENTS_ACTIVE_QTY = "clients_active_qty"
    BALANCE_REFILL_TOTAL = "balance_refill_total"
    PAY_AS_YOU_GO_TOTAL = "pay_as_you_go_total"
    PACKAGES_RENEW_TOTAL = "packages_renew_total"
