"""The SQL of a report: each constant is the text of one file in `sql/`.

The text is fixed. The values of a query travel as variables (`store_parameters`).
"""

from pathlib import Path
from typing import Final

_FOLDER = Path(__file__).parent / "sql"


def _read(file_name: str) -> str:
    return (_FOLDER / file_name).read_text(encoding="utf-8")


CLOSING_COHORTS: Final = _read("closing_cohorts.sql")
COHORT_CHANGES: Final = _read("cohort_changes.sql")
DAILY_DATA_INTERVAL: Final = _read("daily_data_interval.sql")
DATA_INTERVAL: Final = _read("data_interval.sql")
DRILLDOWN_CLIENTS: Final = _read("drilldown_clients.sql")
FLOWS_OF_DAYS: Final = _read("flows_of_days.sql")
FLOWS_OF_MEMBERS: Final = _read("flows_of_members.sql")
FLOWS_OF_SCOPE: Final = _read("flows_of_scope.sql")
MACROS: Final = _read("macros.sql")
MEMBERS: Final = _read("members.sql")
OWNERS_IN_SCOPE: Final = _read("owners_in_scope.sql")
STATES: Final = _read("states.sql")
STATES_OF_MEMBERS: Final = _read("states_of_members.sql")
