"""What others read of the saved queries: a JSON Schema for editors, dbt exposures for the lineage.

`python -m orchestration.saved_queries.schema` writes both files; a test keeps them current.
"""

import json
from pathlib import Path
from typing import Any

import yaml

from orchestration.saved_queries.saved_query import SavedQuery, SavedQueryFile
from orchestration.saved_queries.saved_query_file import SavedQueryError, report_templates
from orchestration.settings import PROJECT_ROOT

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
"""The models that every report reads."""


def saved_query_schema() -> dict[str, Any]:
    """The JSON Schema of a file in `report_templates/`."""
    schema = SavedQueryFile.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "Saved query"}


def exposures(
    saved_queries: dict[str, SavedQuery], depends_on: tuple[str, ...] = DEPENDS_ON
) -> dict[str, Any]:
    """The saved queries as dbt exposures: who would notice if a mart changed."""
    return {
        "version": 2,
        "exposures": [
            {
                "name": saved_query.identifier,
                "label": saved_query.title,
                "type": "dashboard",
                "description": _without_jinja(saved_query.description or saved_query.title),
                "owner": {"name": "Billing", **_email(saved_query)},
                "depends_on": [f"ref('{model}')" for model in depends_on],
            }
            for saved_query in saved_queries.values()
        ],
    }


def files() -> dict[Path, str]:
    """The files that are generated, and what they must hold. Raises SavedQueryError when a saved query is broken."""
    saved_queries, problems = report_templates(TEMPLATES)
    if problems:
        raise SavedQueryError(problems)
    generated = "# Generated from report_templates/ by `python -m orchestration.saved_queries.schema`.\n"
    return {
        SCHEMA_FILE: json.dumps(saved_query_schema(), indent=2, ensure_ascii=False) + "\n",
        EXPOSURES_FILE: generated
        + yaml.safe_dump(exposures(saved_queries), sort_keys=False, allow_unicode=True),
    }


def _email(saved_query: SavedQuery) -> dict[str, str]:
    addresses = saved_query.delivery.on_failure if saved_query.delivery else ()
    return {"email": addresses[0]} if addresses else {}


def _without_jinja(text: str) -> str:
    """For dbt, which renders descriptions as templates: what would open an expression is taken apart."""
    return text.replace("{{", "{ {").replace("{%", "{ %").replace("{#", "{ #")


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
        print(path.relative_to(PROJECT_ROOT))  # noqa: T201 - a command's answer
