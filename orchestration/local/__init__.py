"""Local services for a machine that has no Postgres, S3 or mail server of its own.

Each home has its own services, on its own unix socket and on its own ports of 127.0.0.1. Any
command may start them. They keep running after the command ends, until `stop` stops them. Their
data survives a stop and a kill.
"""

from orchestration.local.database import postgres, running_postgres
from orchestration.local.object_storage import Bucket, bucket
from orchestration.local.ports import dagster_port, ports, web_port
from orchestration.local.services import Status, status, stop
from orchestration.local.smtp import mailbox, maildir

__all__ = [
    "Bucket",
    "Status",
    "bucket",
    "dagster_port",
    "mailbox",
    "maildir",
    "ports",
    "postgres",
    "running_postgres",
    "status",
    "stop",
    "web_port",
]
