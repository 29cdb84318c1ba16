"""The user who requests a report at the command line."""

import getpass
import os


def get_process_user() -> str:
    """Return the user of this process, in the form that snapshots record."""
    try:
        return f"user {getpass.getuser()}"
    except (KeyError, OSError):  # a container can run under a user id without a name
        return f"user {os.getuid()}"
