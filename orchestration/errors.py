"""The exceptions of the product.

    DynamicsError                  exit code 1: the work failed
    ├── RequestError               exit code 2: the request is wrong
    │   ├── SavedQueryError        saved_queries.reader: a saved query with mistakes
    │   ├── NameTaken              saved_queries.writer: another saved query has the name
    │   ├── UnknownName            reporting.name_lookup: a name that is not in the data
    │   ├── NotComparable          reporting.comparison: two reports without a common cell
    │   ├── SnapshotNotFound       archive.snapshot: no snapshot, or its link is closed
    │   ├── TooManyJobs            web.query_form.jobs: too many reports of one visitor
    │   └── InvalidForm            web.query_form.validation: a form with mistakes
    ├── Unavailable                a database, bucket or mail server does not answer
    ├── MissingRate                reporting.money: an exchange rate is missing
    ├── ReportCancelled            reporting.cancellation: a user cancelled the report
    ├── InconsistentReport         deliveries.report_generation: a report that is not mailed
    ├── SnapshotDamaged            archive.snapshot: stored bytes that have changed
    ├── ObjectMissing              object_store.store: an object that is not in the bucket
    └── ObjectDiffers              object_store.store: a key that has another content

The message of each exception is one line. It says what is wrong and what to do. The command line
and Dagster show it without a traceback.
"""


class DynamicsError(Exception):
    """The work failed. The message is one line. The process ends with `exit_code`."""

    exit_code = 1


class RequestError(DynamicsError):
    """The request is wrong: an unknown name, a malformed value, or an invalid file."""

    exit_code = 2


class Unavailable(DynamicsError):
    """A database, a bucket or a mail server does not answer. The message says which one."""
