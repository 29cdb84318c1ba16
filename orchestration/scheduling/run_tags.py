"""The tags of Dagster runs that deliver scheduled moments."""

SCHEDULE = "dynamics/schedule"
"""The name of the Dagster schedule. The moment itself is the partition of the run."""
ATTEMPT = "dynamics/attempt"
"""The number of the run for its moment, from 1."""
PARTITION = "dagster/partition"

MAX_ATTEMPTS = 8
"""The last attempt comes about ten hours after the first."""
