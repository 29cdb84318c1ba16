"""What the product ships in `report_templates/`, and what is generated from it."""

from typing import get_args

import yaml
from jsonschema import Draft202012Validator

from orchestration.rendering import CHARTS
from orchestration.saved_queries.saved_query import Chart
from orchestration.saved_queries.saved_query_file import read_saved_query, report_templates
from orchestration.saved_queries.schema import TEMPLATES, exposures, files, saved_query_schema

FILES = sorted(TEMPLATES.glob("*.yaml"))


def test_every_shipped_saved_query_reads():
    saved_queries, problems = report_templates(TEMPLATES)
    assert problems == []
    assert len(saved_queries) == len(FILES) >= 6


def test_no_two_of_them_ask_the_same():
    queries = [saved_query.query for saved_query in report_templates(TEMPLATES)[0].values()]
    assert len(set(queries)) == len(queries)


def test_editors_find_the_schema_and_agree_with_it():
    schema = saved_query_schema()
    Draft202012Validator.check_schema(schema)
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=saved-query.schema.json\n"), path
        assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(text))) == []


def test_the_schema_refuses_an_unknown_key_and_knows_from_and_to():
    small = {"title": "x", "query": {"interval": {"from": "2018-01-01", "to": "2018-12-31"}}}
    validator = Draft202012Validator(saved_query_schema())
    assert validator.is_valid(small)
    assert not validator.is_valid(small | {"titel": "x"})
    assert not validator.is_valid(small | {"output": {"formats": ["pdf"]}})


def test_every_key_teaches():
    def undescribed(schema, path=""):
        for name, field in schema.get("properties", {}).items():
            if "description" not in field and "$ref" not in field:
                yield f"{path}.{name}"

    schema = saved_query_schema()
    assert [
        *undescribed(schema),
        *(name for model in schema["$defs"].values() for name in undescribed(model)),
    ] == []


def test_the_charts_are_those_that_can_be_drawn():
    assert set(get_args(Chart)) == set(CHARTS)


def test_the_generated_files_are_current():
    """If this fails: `python -m orchestration.saved_queries.schema`."""
    for path, text in files().items():
        assert path.read_text(encoding="utf-8") == text, path


def test_an_exposure_names_the_report_its_models_and_who_is_told(tmp_path):
    path = tmp_path / "by-month.yaml"
    path.write_text(
        "title: By month\ndescription: '{{ ref(1) }}'\nquery: {interval: today}\n"
        "delivery: {send_to: [a@example.com], on_failure: [b@example.com]}\n"
    )
    assert exposures({"by-month": read_saved_query(path)}, depends_on=("fct_clients",)) == {
        "version": 2,
        "exposures": [
            {
                "name": "by_month",
                "label": "By month",
                "type": "dashboard",
                "description": "{ { ref(1) }}",
                "owner": {"name": "Billing", "email": "b@example.com"},
                "depends_on": ["ref('fct_clients')"],
            }
        ],
    }
