"""The SQL files of the reports, the variables that they read, and the kinds that they name."""

import re
from dataclasses import fields
from pathlib import Path

import orchestration.reporting
from orchestration.domain import TransactionKind
from orchestration.reporting import statements
from orchestration.reporting.cells import SHOWN_KINDS
from orchestration.reporting.store_parameters import PeriodParameters, QueryParameters

FOLDER = Path(orchestration.reporting.__file__).parent / "sql"
TEXTS = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}
LOADED = {name: text for name, text in vars(statements).items() if name.isupper()}


def test_each_file_is_one_constant():
    assert {f"{name.lower()}.sql": text for name, text in LOADED.items() if name != "_FOLDER"} == TEXTS


def test_the_statements_read_exactly_the_defined_variables():
    read = {match for text in TEXTS.values() for match in re.findall(r"getvariable\('(\w+)'\)\.(\w+)", text)}
    defined = {("query", field.name) for field in fields(QueryParameters)}
    defined |= {("periods", field.name) for field in fields(PeriodParameters)}
    assert read == defined


def test_each_file_begins_with_what_it_does_and_needs():
    for name, text in TEXTS.items():
        header = re.match(r"(--.*\n)+", text).group()
        assert re.match(r"-- (Return|Create|Replace|Macros) ", header), name
        assert "-- Needs: " in header, name
        assert name == "macros.sql" or "-- Grain: " in header, name


def test_the_daily_flows_are_those_that_the_report_shows():
    (kinds,) = re.findall(r"kind in \((.*?)\)", TEXTS["flows_of_days.sql"])
    assert [kind.strip("' ") for kind in kinds.split(",")] == list(SHOWN_KINDS)


def test_every_kind_in_a_statement_exists():
    for text in TEXTS.values():
        for kinds in re.findall(r"kind in \((.*?)\)", text):
            for kind in kinds.split(","):
                assert TransactionKind(kind.strip("' "))
