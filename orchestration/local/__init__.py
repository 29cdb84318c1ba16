"""Postgres, S3 and a mailbox for a machine that has none: started on first use, found again, kept in one home.

A home runs its services on its own unix socket and its own ports of 127.0.0.1. Any command may start them;
they outlive it, and `stop` ends them. What they hold survives a stop and a kill.
"""

from orchestration.local.database import postgres, running_postgres
from orchestration.local.objects import Bucket, bucket
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
