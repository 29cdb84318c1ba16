"""The tags by which runs of scheduled moments are known, whoever asked for them."""

SCHEDULE = "dynamics/schedule"
"""The name of the Dagster schedule that the moment belongs to; the moment itself is the run's partition."""
ATTEMPT = "dynamics/attempt"
"""Counts the runs that were asked for a moment, from 1."""
PARTITION = "dagster/partition"

MAX_ATTEMPTS = 8
"""With the waits between them the last comes ten hours after the first."""
