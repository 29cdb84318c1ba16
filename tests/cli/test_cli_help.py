"""The command line teaches itself, and at once."""

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from orchestration.cli import dynamics

PROGRAM = Path(sys.executable).with_name("dynamics")


def commands(group=dynamics, path=()):
    for name, command in group.commands.items():
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands())


def test_the_commands_are_those_that_scripts_are_written_against():
    assert {" ".join(path) for path in ALL} == {
        *(
            "load",
            "build",
            "query",
            "deliver",
            "backfill",
            "check",
            "sample",
            "serve",
            "up",
            "down",
            "status",
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
def test_every_command_and_option_says_what_it_does(path, empty_desk):
    said = empty_desk(*path, "--help")
    assert said.code == 0
    assert said.out.startswith(f"Usage: dynamics {' '.join(path)} ")
    for option in ALL[path].params:
        assert isinstance(option, click.Argument) or option.help, option.name


@pytest.mark.parametrize("group", [(), ("snapshots",), ("deliveries",), ("users",)], ids=" ".join)
def test_a_list_of_commands_cuts_no_sentence(group, empty_desk):
    listed = empty_desk(*group, "--help").out.partition("Commands:")[2]
    assert listed
    assert "..." not in listed


@pytest.mark.parametrize("path", [(), ("query",), ("snapshots", "list")], ids=" ".join)
def test_help_answers_in_under_half_a_second(path):
    def took() -> float:
        """Seconds of work: help waits for nothing, and seconds on the wall tell of who else uses this machine."""
        child = subprocess.Popen([PROGRAM, *path, "--help"], stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        return used.ru_utime + used.ru_stime

    assert min(took() for _ in range(3)) < 0.5


def test_help_imports_nothing_heavy():
    heavy = "pandas openpyxl altair boto3 dagster dbt psycopg sqlalchemy pydantic starlette uvicorn rich"
    code = (
        "import sys; from orchestration.cli import main\n"
        "try: main(['query', '--help'])\n"
        f"finally: print(sorted(set(sys.modules) & set({heavy.split()})), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_it_runs_as_a_module_too():
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("dynamics, version ")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [(("lod",), "load"), (("snapshots", "lst"), "list"), (("query", "--grup-by", "month"), "--group-by")],
)
def test_a_slip_of_the_finger_is_told_what_was_meant(typed, meant, empty_desk):
    said = empty_desk(*typed)
    assert said.code == 2
    assert f"Did you mean '{meant}'?" in said.line()


def test_debug_shows_the_traceback(empty_desk):
    with pytest.raises(Exception, match="unknown saved query 'nope'"):
        empty_desk("deliver", "nope", "--debug")
