"""Who asks for a report at the command line."""

import getpass
import os


def this_user() -> str:
    """Return the user of this process as snapshots record it."""
    try:
        return f"user {getpass.getuser()}"
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"user {os.getuid()}"
