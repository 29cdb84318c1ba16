"""What can go wrong, as the command line and Dagster report it: one line that says what to do."""


class DynamicsError(Exception):
    """A failure that its one-line message explains; the process exits with `exit_code`."""

    exit_code = 1


class RequestError(DynamicsError):
    """The request itself is wrong: an unknown name, a malformed value, a file that breaks its contract."""

    exit_code = 2


class Unavailable(DynamicsError):
    """A part the work needs (database, bucket, mail server) does not answer; the message says which."""
