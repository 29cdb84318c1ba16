"""The saved queries in `report_templates/`, and the files that are generated from them."""

import yaml
from jsonschema import Draft202012Validator

from orchestration.domain import ChartPreset
from orchestration.rendering import CHART_PRESETS
from orchestration.saved_queries.reader import read_saved_queries, read_saved_query
from orchestration.saved_queries.schema import TEMPLATES, build_exposures, build_schema, generate_files

FILES = sorted(TEMPLATES.glob("*.yaml"))


def test_every_shipped_saved_query_is_valid():
    saved_queries, problems = read_saved_queries(TEMPLATES)
    assert problems == []
    assert len(saved_queries) == len(FILES) >= 6


def test_shipped_saved_queries_have_different_queries():
    queries = [saved_query.query for saved_query in read_saved_queries(TEMPLATES)[0].values()]
    assert len(set(queries)) == len(queries)


def test_shipped_files_match_their_schema():
    schema = build_schema()
    Draft202012Validator.check_schema(schema)
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# yaml-language-server: $schema=saved-query.schema.json\n"), path
        assert list(Draft202012Validator(schema).iter_errors(yaml.safe_load(text))) == []


def test_the_schema_refuses_unknown_keys():
    small = {"title": "x", "query": {"interval": {"from": "2018-01-01", "to": "2018-12-31"}}}
    validator = Draft202012Validator(build_schema())
    assert validator.is_valid(small)
    assert not validator.is_valid(small | {"titel": "x"})
    assert not validator.is_valid(small | {"output": {"formats": ["pdf"]}})


def test_every_key_has_a_description():
    def undescribed(schema, path=""):
        for name, field in schema.get("properties", {}).items():
            if "description" not in field and "$ref" not in field:
                yield f"{path}.{name}"

    schema = build_schema()
    assert [
        *undescribed(schema),
        *(name for model in schema["$defs"].values() for name in undescribed(model)),
    ] == []


def test_every_chart_preset_can_be_drawn():
    assert set(ChartPreset) == set(CHART_PRESETS)


def test_the_generated_files_are_current():
    """If this test fails, run `python -m orchestration.saved_queries.schema`."""
    for path, text in generate_files().items():
        assert path.read_text(encoding="utf-8") == text, path


def test_an_exposure_has_report_models_and_owner(tmp_path):
    path = tmp_path / "by-month.yaml"
    path.write_text(
        "title: By month\ndescription: '{{ ref(1) }}'\nquery: {interval: today}\n"
        "delivery: {send_to: [a@example.com], on_failure: [b@example.com]}\n"
    )
    assert build_exposures({"by-month": read_saved_query(path)}, depends_on=("fct_clients",)) == {
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
