"""Every command has help, and the help is fast."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from orchestration.cli import dynamics

PROGRAM = Path(sys.executable).with_name("dynamics")


def list_commands(group=dynamics, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from list_commands(command, (*path, name))


ALL = dict(list_commands())


def test_the_names_of_the_commands_stay():
    assert {" ".join(path) for path in ALL} == {
        *(
            "load",
            "build",
            "query",
            "deliver",
            "backfill",
            "check",
            "sample",
            "init",
            "serve",
            "up",
            "down",
            "status",
            "demo",
        ),
        *(
            "snapshots",
            "snapshots list",
            "snapshots show",
            "snapshots verify",
            "snapshots reindex",
            "snapshots revoke",
            "snapshots expire",
        ),
        *("deliveries", "deliveries list", "deliveries show", "deliveries resend"),
        *("users", "users add", "users list", "users remove", "users password"),
    }


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_command_and_option_has_help(path, empty_cli):
    result = empty_cli(*path, "--help")
    assert result.code == 0
    assert result.out.startswith(f"Usage: dynamics {' '.join(path)} ")
    for option in ALL[path].params:
        assert isinstance(option, click.Argument) or option.help, option.name


@pytest.mark.parametrize("group", [(), ("snapshots",), ("deliveries",), ("users",)], ids=" ".join)
def test_the_list_of_commands_has_whole_sentences(group, empty_cli):
    listed = empty_cli(*group, "--help").out.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("path", [(), ("query",), ("snapshots", "list")], ids=" ".join)
def test_help_takes_less_than_half_a_second(path):
    def measure_cpu_seconds():
        child = subprocess.Popen([PROGRAM, *path, "--help"], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return used.ru_utime + used.ru_stime

    assert min(measure_cpu_seconds() for _ in range(3)) < 0.5


def test_help_imports_nothing_heavy():
    heavy = "pandas openpyxl altair boto3 dagster dbt psycopg sqlalchemy pydantic starlette uvicorn rich"
    code = (
        "import sys; from orchestration.cli import main\n"
        "try: main(['query', '--help'])\n"
        f"finally: print(sorted(set(sys.modules) & set({heavy.split()})), file=sys.stderr)"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert process.stderr.strip() == "[]"


def test_the_command_line_runs_as_a_module():
    process = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert process.stdout.startswith("dynamics, version ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(("lod",), "load"), (("snapshots", "lst"), "list"), (("query", "--grup-by", "month"), "--group-by")],
)
def test_a_typing_error_gets_a_suggestion(typed, meant, empty_cli):
    result = empty_cli(*typed)
    assert result.code == 2
    assert f"Did you mean '{meant}'?" in result.line()


def test_debug_shows_the_traceback(empty_cli):
    with pytest.raises(Exception, match="unknown saved query 'nope'"):
        empty_cli("deliver", "nope", "--debug")
