"""The command line as a user types it: commands, their output, and what they leave behind."""

import io
import secrets
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import boto3
import psycopg
import pytest

from orchestration import local
from orchestration.cli import main
from orchestration.settings import settings

GOLDEN = Path(__file__).parent.parent / "golden"
GOLDEN_QUERY = ("--from", "2018-01-01", "--to", "2018-12-31", "--group-by", "month", "--active-duration", "3")


@dataclass
class CliResult:
    """The exit code and the output of one command."""

    code: int
    bytes: bytes
    err: str

    @property
    def out(self) -> str:
        """Return standard output as text."""
        return self.bytes.decode()

    @property
    def link(self) -> str:
        """Return the link on the last line of the output."""
        return self.out.splitlines()[-1]

    @property
    def id(self) -> str:
        """Return the snapshot id in the link."""
        return self.link.rpartition("=")[2]

    def line(self) -> str:
        """Return the error message. Fail if the command printed anything else."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert not self.bytes, self.out
        assert lines[0].startswith("dynamics: ")
        return lines[0].removeprefix("dynamics: ")


class CliHarness:
    """`dynamics` with its own folder, database and bucket, and the mailbox of the test worker."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, home: Path, database_url: str, folder: Path) -> None:
        self.home, self.database_url, self.folder = home, database_url, folder
        self.templates = folder / "report_templates"
        self.templates.mkdir()
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        server, self.bucket = local.bucket(home), f"cli-{secrets.token_hex(6)}"
        self.s3 = boto3.client(
            "s3",
            endpoint_url=server.endpoint_url,
            region_name=server.region,
            aws_access_key_id=server.access_key,
            aws_secret_access_key=server.secret_key,
        )
        self.s3.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", server.access_key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", server.secret_key)
        monkeypatch.setenv("AWS_DEFAULT_REGION", server.region)
        for name in ("SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "BASE_CURRENCY"):
            monkeypatch.delenv(f"DYNAMICS_{name}", raising=False)
        self.set(
            home=str(home),
            database_url=database_url,
            s3_bucket=self.bucket,
            s3_endpoint_url=server.endpoint_url,
            templates=str(self.templates),
        )
        self._earlier_mails = set(self._mailbox())

    def set(self, **values: str) -> None:
        """Change settings for the next commands."""
        for name, value in values.items():
            self._monkeypatch.setenv(f"DYNAMICS_{name.upper()}", value)
        settings.cache_clear()

    def unset(self, name: str) -> None:
        """Remove a setting for the next commands."""
        self._monkeypatch.delenv(f"DYNAMICS_{name.upper()}")
        settings.cache_clear()

    def __call__(self, *words: object) -> CliResult:
        """Run `dynamics WORDS` and return its result."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True) for _ in range(2))
        code: str | int | None = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(word) for word in words])
            except SystemExit as end:
                code = end.code
        result = CliResult(int(code or 0), out.buffer.getvalue(), err.buffer.getvalue().decode())
        sys.stderr.write(result.err)  # pytest shows it when the test fails
        return result

    def saved_query(self, name: str, text: str) -> Path:
        """Write a saved query with this YAML text."""
        path = self.templates / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def mails(self) -> list[EmailMessage]:
        """Return the mails that arrived since the harness was made, the oldest first."""
        new = [path for path in self._mailbox() if path not in self._earlier_mails]
        new.sort(key=lambda path: path.stat().st_mtime_ns)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in new]

    def holdings(self) -> dict[str, int]:
        """Return how many rows each table has, and how many objects and mails there are."""
        counts = {"objects": len(self.objects()), "mails": len(self.mails())}
        with psycopg.connect(self.database_url) as connection:
            tables = connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname in ('billing', 'dynamics')"
            ).fetchall()
            for (table,) in tables:
                ((counts[table],),) = connection.execute(f"select count(*) from {table}").fetchall()
        return counts

    def objects(self) -> dict[str, str]:
        """Return the ETag of every object in the bucket, by its key."""
        contents = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {item["Key"]: item["ETag"] for item in contents}

    def execute(self, statement: str, *values: object) -> list[tuple]:
        """Run a statement directly on the database."""
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _mailbox(self) -> list[Path]:
        folder = local.maildir(self.home) / "new"
        return list(folder.iterdir()) if folder.is_dir() else []
