"""`dynamics`, the command line.

A module here imports only what is light. Each command imports heavy libraries inside its
function, so that `dynamics --help` answers at once.
"""

import sys

import click

from orchestration.cli import (
    billing,
    deliver,
    deliveries,
    demo,
    init,
    query,
    services,
    snapshots,
    users,
)
from orchestration.cli.failures import report_failure


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="customer-dynamics", prog_name="dynamics")
def dynamics() -> None:
    """Compute, mail and archive Customer Dynamics reports of a telecom billing database.

    \b
    First steps:
      dynamics sample extract            write an example extract
      dynamics load extract              load it into the billing schema
      dynamics build                     bring the marts up to date
      dynamics query --interval "last 12 months" --group-by month
      dynamics serve                     open the printed link

    Settings come from DYNAMICS_* in the environment or in .env. For a database, bucket or mail
    server without a setting, a local service starts when it is needed; `dynamics down` stops it.
    Add --debug to any command to see a traceback.
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines


for module in (billing, query, deliver, deliveries, snapshots, users, services, init, demo):
    for command in module.COMMANDS:
        dynamics.add_command(command)


def main(arguments: list[str] | None = None) -> None:
    """Run a command. Exit with 0 if it succeeds, 1 if it fails, 2 if the request is wrong."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    try:
        # click's own `main` would print errors in its own form.
        with dynamics.make_context("dynamics", [word for word in words if word != "--debug"]) as context:
            result = dynamics.invoke(context)
    except BaseException as error:
        if debug:
            raise
        sys.exit(report_failure(error))
    sys.exit(result if isinstance(result, int) else 0)
