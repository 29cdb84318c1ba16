"""Files that are generated from the saved queries: a JSON Schema for editors and dbt exposures.

`python -m orchestration.saved_queries.schema` writes both files. A test fails if they are stale.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from orchestration.resources import PROJECT_ROOT
from orchestration.saved_queries.reader import SavedQueryError, read_saved_queries
from orchestration.saved_queries.saved_query import SavedQuery, SavedQueryFile

TEMPLATES = PROJECT_ROOT / "report_templates"
SCHEMA_FILE = TEMPLATES / "saved-query.schema.json"
EXPOSURES_FILE = PROJECT_ROOT / "dbt_project" / "models" / "exposures.yml"

DEPENDS_ON = (
    "fct_clients",
    "fct_client_events",
    "dim_packages",
    "dim_exchange_rates",
    "mart_flows_daily",
    "mart_cohort_changes",
)
"""The dbt models that every report reads."""


def build_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file in `report_templates/`."""
    schema = SavedQueryFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Saved query"}


def build_exposures(
    saved_queries: dict[str, SavedQuery], depends_on: tuple[str, ...] = DEPENDS_ON
) -> dict[str, Any]:
    """Return the saved queries as dbt exposures, which show who depends on a mart."""
    return {
        "version": 2,
        "exposures": [
            {
                "name": saved_query.identifier,
                "label": saved_query.title,
                "type": "dashboard",
                "description": _escape_jinja(saved_query.description or saved_query.title),
                "owner": {"name": "Billing", **_find_email(saved_query)},
                "depends_on": [f"ref('{model}')" for model in depends_on],
            }
            for saved_query in saved_queries.values()
        ],
    }


def generate_files() -> dict[Path, str]:
    """Return the text of each generated file. Raise SavedQueryError for a wrong saved query."""
    saved_queries, problems = read_saved_queries(TEMPLATES)
    if problems:
        raise SavedQueryError(problems)
    heading = "# Generated from report_templates/ by `python -m orchestration.saved_queries.schema`.\n"
    return {
        SCHEMA_FILE: json.dumps(build_schema(), indent=2, ensure_ascii=False) + "\n",
        EXPOSURES_FILE: heading
        + yaml.safe_dump(build_exposures(saved_queries), sort_keys=False, allow_unicode=True),
    }


def _find_email(saved_query: SavedQuery) -> dict[str, str]:
    addresses = saved_query.delivery.on_failure if saved_query.delivery else ()
    return {"email": addresses[0]} if addresses else {}


def _escape_jinja(text: str) -> str:
    """Return the text without Jinja expressions, because dbt renders descriptions as templates."""
    return text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")


if __name__ == "__main__":
    for path, text in generate_files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(PROJECT_ROOT))  # noqa: T201 - the output of a command
