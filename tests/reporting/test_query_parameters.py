"""Tests that every interface uses the parameters of `QUERY_PARAMETERS`."""

import click

from orchestration.cli.query import query as query_command
from orchestration.rendering import load_layouts
from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.web.query_form.fields import FORM_NAMES


def test_a_query_has_the_parameters():
    ends = [field.alias or name for name, field in Between.model_fields.items()]
    assert [*QUERY_PARAMETERS] == ["interval", *ends, *list(ReportQuery.model_fields)[1:]]
    for key, parameter in QUERY_PARAMETERS.items():
        if key in ReportQuery.model_fields:
            annotation = str(ReportQuery.model_fields[key].annotation)
            assert annotation.startswith("tuple[") == parameter.is_list, key


def test_the_command_line_has_a_flag_for_each_parameter():
    flags = {
        flag for option in query_command.params if isinstance(option, click.Option) for flag in option.opts
    }
    assert {parameter.flag for parameter in QUERY_PARAMETERS.values()} < flags


def test_the_form_has_a_field_for_each_parameter():
    assert set(QUERY_PARAMETERS) < set(FORM_NAMES)
    source, _, _ = load_layouts().loader.get_source(load_layouts(), "query_form.html.j2")
    for key in QUERY_PARAMETERS:
        assert f'"{key}"' in source, key
