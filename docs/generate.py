"""A program that writes the reference pages of the documentation from the code.

`make docs-reference` runs it, and a test fails when a page is stale. The tables are read from an
empty database with all migrations, in a local Postgres that ends with this program.
"""

import inspect
import re
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import yaml
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration import local
from orchestration.cli import dynamics
from orchestration.db.database import connect
from orchestration.resources import resource_folder
from orchestration.saved_queries.schema import build_schema
from orchestration.settings import Settings
from orchestration.source import ensure_schema

REFERENCE = Path(__file__).parent / "reference"

_HEAD = "<!-- Written by `make docs-reference`. Change the code instead. -->\n"


def main() -> None:
    """Write all pages."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with connect(local.postgres(home)) as connection:
                ensure_schema(connection)
                for name, text in generate_pages(connection).items():
                    (REFERENCE / name).write_text(text, encoding="utf-8")
                    sys.stdout.write(f"written: docs/reference/{name}\n")
        finally:
            local.stop(home)


def generate_pages(connection: Connection[TupleRow]) -> dict[str, str]:
    """Return the text of each page by its file name.

    The database must have all migrations and the schema `billing`.
    """
    pages: dict[str, Callable[[], Iterator[str]]] = {
        "command-line.md": _command_line,
        "settings.md": _settings,
        "saved-queries.md": _saved_queries,
        "tables.md": lambda: _tables(connection),
        "http.md": _http,
    }
    return {name: _HEAD + "\n" + "\n".join(page()).rstrip("\n") + "\n" for name, page in pages.items()}


def _command_line() -> Iterator[str]:
    yield "# Command line\n"
    yield "A command exits with 0 when it is done, 1 when it failed, and 2 when the request is wrong. An"
    yield "error is one line on standard error that says what to do. Add `--debug` to any command for a"
    yield "traceback.\n"
    for path, command in _walk_commands(dynamics, ()):
        yield f"## dynamics {' '.join(path)}\n"
        usage = command.get_usage(click.Context(command, info_name=f"dynamics {' '.join(path)}"))
        yield f"```text\n{usage.removeprefix('Usage: ')}\n```\n"
        yield _format_help(command.help or "")
        options = [option for option in command.params if isinstance(option, click.Option)]
        if options:
            yield _table(["option", "meaning"], map(_describe_option, options))


def _walk_commands(
    group: click.Group, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _walk_commands(command, (*path, name))
        else:
            yield (*path, name), command


def _format_help(text: str) -> str:
    """Return a help text as Markdown. A paragraph that keeps its lines is an example."""
    blocks = []
    for block in inspect.cleandoc(text).split("\n\n"):
        lines = block.splitlines()
        if lines[0].strip() == "\b":
            blocks.append("\n".join(["```sh", *(line.strip() for line in lines[1:]), "```"]))
        else:
            blocks.append(block.replace("<", "&lt;"))
    return "\n\n".join(blocks) + "\n"


def _describe_option(option: click.Option) -> list[str]:
    name = ", ".join(option.opts)
    metavar = "" if option.is_flag else f" {option.make_metavar(click.Context(dynamics))}"
    remarks = ["Required."] if option.required else []
    if option.show_default and option.default is not None:
        remarks.append(f"Default: {option.default}.")
    return [f"`{name}{metavar}`", " ".join([option.help or "", *remarks])]


def _settings() -> Iterator[str]:
    yield "# Settings\n"
    yield "Settings come from the environment or from a file `.env` in the folder in which `dynamics` is"
    yield "started. Without a database, a bucket or a mail server, the product starts a local one.\n"
    rows = []
    for name, field in Settings.model_fields.items():
        # The default of a secret is empty, and prints as asterisks.
        default = "" if field.default in (None, {}) or "secret" in name else str(field.default)
        meaning = field.description or ""
        if re.match(r"\w+://", meaning):
            meaning = f"`{meaning}`"
        rows.append([f"`DYNAMICS_{name.upper()}`", meaning, f"`{default}`" if default else ""])
    yield _table(["setting", "meaning", "default"], rows)
    yield "Credentials of the bucket are those that boto3 finds.\n"


def _saved_queries() -> Iterator[str]:
    schema = build_schema()
    yield "# Saved queries\n"
    yield "A saved query is a file `report_templates/NAME.yaml`. `dynamics check` checks it.\n"
    yield "```yaml"
    yield (resource_folder("report_templates") / "monthly_finance.yaml").read_text(encoding="utf-8").rstrip()
    yield "```\n"
    yield "## The file\n"
    yield _table(["key", "type", "default", "meaning"], _describe_keys(schema, schema))
    for key, part in schema["properties"].items():
        section = _resolve(part, schema)
        if "properties" in section:
            yield f"## {key}\n"
            yield f"{section.get('description', '')}\n"
            yield _table(["key", "type", "default", "meaning"], _describe_keys(section, schema))


def _describe_keys(section: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[list[str]]:
    required = section.get("required", [])
    for key, part in section["properties"].items():
        default = part.get("default")
        text = (
            "required"
            if key in required
            else ""
            if default in (None, [], {}, "")
            else f"`{_scalar(default)}`"
        )
        description = part.get("description") or _resolve(part, schema).get("description", "")
        yield [
            f"`{key}`",
            _describe_type(part, schema),
            "" if isinstance(default, dict) else text,
            description,
        ]


def _describe_type(part: Mapping[str, Any], schema: Mapping[str, Any]) -> str:  # noqa: PLR0911 - a case each
    """Return the type of a key in words."""
    if "$ref" in part:
        target = _resolve(part, schema)
        return _describe_type(target, schema) if "enum" in target else "mapping"
    if "enum" in part:
        return " or ".join(f"`{_scalar(value)}`" for value in part["enum"])
    if "const" in part:
        return f"`{_scalar(part['const'])}`"
    for choice in ("anyOf", "oneOf"):
        if choice in part:
            types = [
                _describe_type(option, schema) for option in part[choice] if option.get("type") != "null"
            ]
            return " or ".join(dict.fromkeys(types))
    match part.get("type"):
        case "array":
            return f"list of {_describe_type(part.get('items', {}), schema) or 'values'}"
        case "object":
            return "mapping"
        case "string":
            return {"date": "date", "date-time": "time"}.get(part.get("format", ""), "text")
        case "integer":
            return "whole number"
        case other:
            return str(other or "text")


def _resolve(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the definition that a part of a JSON Schema refers to, or the part itself."""
    for option in (part, *part.get("anyOf", [])):
        if "$ref" in option:
            return schema["$defs"][option["$ref"].rpartition("/")[2]]  # type: ignore[no-any-return]
    return part


def _scalar(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(str, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _tables(connection: Connection[TupleRow]) -> Iterator[str]:
    yield "# Tables and columns\n"
    yield "The schema `billing` is the source. The schema `marts` has what dbt computes from it. The schema"
    yield "`dynamics` has what the product records: builds, snapshots, deliveries, users. Use only `billing`,"
    yield "`marts` and the tables that a how-to guide names. Other tables can change in any release.\n"
    yield "## Schema billing\n"
    yield from _describe_schema(connection, "billing")
    yield "## Schema marts\n"
    models = resource_folder("dbt_project") / "models"
    for folder in ("marts", "bi"):
        for path in sorted((models / folder).glob("_*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
                yield f"### marts.{model['name']}\n"
                yield _paragraph(model.get("description", ""))
                yield _table(
                    ["column", "type", "meaning"],
                    (
                        [f"`{column['name']}`", column.get("data_type", ""), column.get("description", "")]
                        for column in model.get("columns", [])
                    ),
                )
    yield "## Schema dynamics\n"
    yield from _describe_schema(connection, "dynamics")


_RELATIONS = """
    select oid, relname, coalesce(obj_description(oid, 'pg_class'), '')
    from pg_class
    where relnamespace = %s::regnamespace and relkind in ('r', 'v', 'p') and relname <> 'alembic_version'
    order by relname
"""
_COLUMNS = """
    select attname, format_type(atttypid, atttypmod), coalesce(col_description(attrelid, attnum), '')
    from pg_attribute
    where attrelid = %s and attnum > 0 and not attisdropped
    order by attnum
"""


def _describe_schema(connection: Connection[TupleRow], schema: str) -> Iterator[str]:
    """Yield each table and view of a schema with the comments of its columns."""
    for oid, name, comment in connection.execute(_RELATIONS, [schema]).fetchall():
        yield f"### {schema}.{name}\n"
        if comment:
            yield _paragraph(comment)
        rows = connection.execute(_COLUMNS, [oid]).fetchall()
        yield _table(["column", "type", "meaning"], ([f"`{row[0]}`", row[1], row[2]] for row in rows))


def _http() -> Iterator[str]:
    from orchestration.connections import open_archive
    from orchestration.web.app import create_app
    from orchestration.web.openapi import build_document

    document = build_document(create_app(open_archive).routes)
    yield "# HTTP\n"
    yield "The pages and the HTTP interface. A running server describes them at `/openapi.json`. A request"
    yield "that changes something needs the field `csrf` of a form.\n"
    for path, operations in sorted(document["paths"].items()):
        for method, operation in operations.items():
            yield f"## {method.upper()} {path}\n"
            yield f"{operation['summary']}\n"
            role = operation.get("x-role")
            yield f"Needs the role {role}.\n" if role else "Needs no sign-in.\n"
            form = operation.get("requestBody", {}).get("content", {})
            fields = [name for part in form.values() for name in part["schema"].get("properties", {})]
            rows = [[f"`{parameter['name']}`", parameter["in"]] for parameter in operation["parameters"]]
            rows += [[f"`{name}`", "form"] for name in fields]
            if rows:
                yield _table(["parameter", "in"], rows)
            yield f"Answers {', '.join(operation['responses'])}.\n"


def _table(header: Sequence[str], rows: Iterable[list[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines) + "\n"


def _cell(text: str) -> str:
    return _one_line(text).replace("|", "\\|")


def _paragraph(text: str) -> str:
    return textwrap.fill(_one_line(text), 100, break_long_words=False, break_on_hyphens=False) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    main()
