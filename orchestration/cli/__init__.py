"""`dynamics`, the command line: it puts the rooms together and nothing else.

Modules here import what is light; everything heavy is imported inside the command that uses it, so that
`dynamics --help` answers at once.
"""

import sys

import click

from orchestration.cli import archive, billing, deliver, deliveries, query, services, users
from orchestration.cli.failures import exit_code_of


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="customer-dynamics", prog_name="dynamics")
def dynamics() -> None:
    """Customer Dynamics: reports of a telecom billing database, mailed and kept for ever.

    \b
    A first walk:
      dynamics sample extract            write an example extract
      dynamics load extract              load it into the billing schema
      dynamics build                     bring the marts up to date
      dynamics query --interval "last 12 months" --group-by month
      dynamics serve                     open the printed link

    Settings come from DYNAMICS_* in the environment or .env; what is unset is a local service that starts by
    itself and stops with `dynamics down`. Add --debug to any command for a traceback.
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines


for room in (billing, query, deliver, deliveries, archive, users, services):
    for command in room.COMMANDS:
        dynamics.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: runs the command and exits 0 when done, 1 when it failed, 2 when the request is wrong."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    try:
        # What click's own `main` does beside this is to print errors in its own way.
        with dynamics.make_context("dynamics", [word for word in given if word != "--debug"]) as context:
            outcome = dynamics.invoke(context)
    except BaseException as error:
        if debug:
            raise
        sys.exit(exit_code_of(error))
    sys.exit(outcome if isinstance(outcome, int) else 0)
