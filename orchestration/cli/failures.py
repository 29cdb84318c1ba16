"""The errors of a command: one line on standard error, and an exit code."""

import os
import sys

import click

from orchestration.errors import DynamicsError

_FAILED, _REQUEST_IS_WRONG, _INTERRUPTED = 1, 2, 130


def report_failure(error: BaseException) -> int:
    """Print the error as one line on standard error. Return the exit code of the process."""
    match error:
        case BrokenPipeError():
            # The reader of the output has closed it. Python would complain when it flushes the rest
            # at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        case SystemExit(code=int(code)) | click.exceptions.Exit(exit_code=code):
            return code
        case click.exceptions.NoArgsIsHelpError():
            click.echo(error.format_message(), err=True)
            return _REQUEST_IS_WRONG
        case click.Abort() | KeyboardInterrupt():
            message, code = "stopped", _INTERRUPTED
        case click.ClickException():
            message, code = _describe_usage_error(error), _REQUEST_IS_WRONG
        case DynamicsError():
            message, code = str(error), error.exit_code
        case _:
            description = f"unexpected {type(error).__name__}: {error}"
            message, code = f"{description}; run it again with --debug for the traceback", _FAILED
    click.echo(f"dynamics: {' '.join(message.split())}", err=True)
    return code


def _describe_usage_error(error: click.ClickException) -> str:
    """Return click's message, and the help command of the failed command."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    return f"{message} (see `{context.command_path} --help`)" if context else message
