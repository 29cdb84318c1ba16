"""Every way a command can end badly, as one line on standard error and an exit code."""

import os
import sys

import click

from orchestration.errors import DynamicsError

_FAILED, _REQUEST_IS_WRONG, _INTERRUPTED = 1, 2, 130


def exit_code_of(error: BaseException) -> int:
    """Tells what went wrong in one line on standard error, and gives the process's exit code."""
    match error:
        case BrokenPipeError():
            # Whoever read the output has seen enough of it; Python would complain when it flushes the rest at exit.
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
            message, code = _usage(error), _REQUEST_IS_WRONG
        case DynamicsError():
            message, code = str(error), error.exit_code
        case _:
            said = f"unexpected {type(error).__name__}: {error}"
            message, code = f"{said}; run it again with --debug for the traceback", _FAILED
    click.echo(f"dynamics: {' '.join(message.split())}", err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """What click says, and where the command explains itself."""
    context = getattr(error, "ctx", None)
    message = error.format_message().rstrip(".")
    return f"{message} (see `{context.command_path} --help`)" if context else message
