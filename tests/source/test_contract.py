"""The values in SQL files and dbt contracts equal those of the domain enums."""

import re
from pathlib import Path

import pytest
import yaml

from orchestration.builds import DBT_PROJECT
from orchestration.domain import ClientType, TransactionKind

PACKAGE = Path(__file__).parents[2] / "orchestration"
CLIENT_TYPES = {*ClientType}
KINDS = {*TransactionKind}


def value_lists(path: Path, pattern: str) -> list[set[str]]:
    """Return the values of each list in the file that follows the pattern."""
    text = " ".join(path.read_text().split())
    return [{*re.findall(r"'(\w+)'", values)} for values in re.findall(pattern + r" \(([^)]*)\)", text)]


@pytest.mark.parametrize(
    ("file", "pattern", "expected"),
    [
        ("source/billing.sql", "client_type in", [CLIENT_TYPES]),
        ("source/billing.sql", "kind in", [KINDS]),
        ("builds/store/common.sql", "client_type enum", [CLIENT_TYPES] * 3),
        ("builds/store/common.sql", "kind enum", [KINDS | {"created"}]),
        ("builds/store/part.sql", "client_type enum", [CLIENT_TYPES]),
        ("builds/store/part.sql", "kind enum", [KINDS | {"created"}]),
    ],
)
def test_values_in_sql_equal_the_enums(file, pattern, expected):
    assert value_lists(PACKAGE / file, pattern) == expected


def test_accepted_values_of_dbt_equal_the_enum():
    [clients] = [
        model
        for model in yaml.safe_load((DBT_PROJECT / "models" / "marts" / "_facts.yml").read_text())["models"]
        if model["name"] == "fct_clients"
    ]
    [column] = [column for column in clients["columns"] if column["name"] == "client_type"]
    assert {*column["data_tests"][0]["accepted_values"]["arguments"]["values"]} == CLIENT_TYPES
