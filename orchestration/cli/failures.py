"""Every way a command can end badly, as one line on standard error and an exit code."""

import sys

import click

from orchestration.errors import DynamicsError

_REQUEST_IS_WRONG = 2
_INTERRUPTED = 130


def exit_code_of(error: BaseException) -> int:
    """Tells what went wrong in one line on standard error, and gives the process's exit code."""
    match error:
        case SystemExit(code=int(code)):
            return code
        case click.exceptions.Exit(exit_code=code):
            return code
        case click.Abort() | KeyboardInterrupt():
            return _tell("stopped", _INTERRUPTED)
        case click.ClickException():
            context = getattr(error, "ctx", None)
            hint = f"; see `{context.command_path} --help`" if context else ""
            return _tell(f"{error.format_message().rstrip('.')}{hint}", _REQUEST_IS_WRONG)
        case DynamicsError():
            return _tell(str(error), error.exit_code)
        case BrokenPipeError():
            sys.stderr.close()  # the reader has gone, and Python would complain of it at exit
            return 0
    return _tell(f"unexpected {type(error).__name__}: {error}; run it again with --debug for the traceback", 1)


def _tell(message: str, code: int) -> int:
    click.echo(f"dynamics: {' '.join(message.split())}", err=True)
    return code
