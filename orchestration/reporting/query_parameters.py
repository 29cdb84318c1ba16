"""The parameters of a report query, with the names that users type and read.

This module imports nothing heavy, because the command line imports it for `--help`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class QueryParameter:
    """One parameter of a report query, under each of its names."""

    key: str
    """The name in saved queries, forms and addresses. It is also the field of `ReportQuery`."""
    label: str
    """The label in the query form and in the archive."""
    flag: str
    """The flag of `dynamics query`."""
    info_label: str = ""
    """The label in the info panel of a report. Empty if the panel does not show the parameter."""
    is_list: bool = False


QUERY_PARAMETERS: Mapping[str, QueryParameter] = MappingProxyType(
    {
        parameter.key: parameter
        for parameter in (
            QueryParameter("interval", "Interval", "--interval", "Interval"),
            # The ends of an interval without a name. A saved query has them inside `interval`.
            QueryParameter("from", "From", "--from"),
            QueryParameter("to", "To", "--to"),
            QueryParameter("timezone", "Timezone", "--timezone"),
            QueryParameter("client_type", "Client Type", "--client-type", "Client type"),
            QueryParameter("client_tags", "Client Tags", "--client-tag", "Client tags", is_list=True),
            QueryParameter("owners", "Owner", "--owner", "Owners", is_list=True),
            QueryParameter("packages", "Package", "--package", "Packages", is_list=True),
            QueryParameter("group_by", "Group by", "--group-by", "Group by", is_list=True),
            QueryParameter("currency", "Currency", "--currency", "Currency"),
            QueryParameter("active_duration", "Active Duration", "--active-duration", "Active duration"),
        )
    }
)
"""Every parameter by its key, in the order of the query form."""
