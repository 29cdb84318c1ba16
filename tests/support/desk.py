"""Somebody at the command line: what was typed, what came out, and what it left behind."""

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

from orchestration import local
from orchestration.cli import main
from orchestration.settings import settings

GOLDEN = Path(__file__).parent.parent / "golden"
GOLDEN_QUERY = ("--from", "2018-01-01", "--to", "2018-12-31", "--group-by", "month", "--active-duration", "3")


@dataclass
class Said:
    """How a command ended, and what it said."""

    code: int
    bytes: bytes
    err: str

    @property
    def out(self) -> str:
        return self.bytes.decode()

    @property
    def link(self) -> str:
        """The link on the last line of the answer."""
        return self.out.splitlines()[-1]

    @property
    def id(self) -> str:
        return self.link.rpartition("=")[2]

    def line(self) -> str:
        """The one line of an error."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert not self.bytes, self.out
        assert lines[0].startswith("dynamics: ")
        return lines[0].removeprefix("dynamics: ")


class Desk:
    """A folder, a database and a bucket that nobody else uses, and the mailbox of the worker's home."""

    def __init__(self, monkeypatch, home: Path, database_url: str, folder: Path) -> None:
        self.home, self.database_url, self.folder = home, database_url, folder
        self.templates = folder / "report_templates"
        self.templates.mkdir()
        self._monkeypatch = monkeypatch
        monkeypatch.chdir(folder)
        place, self.bucket = local.bucket(home), f"desk-{secrets.token_hex(6)}"
        keys = {"aws_access_key_id": place.access_key, "aws_secret_access_key": place.secret_key}
        self.s3 = boto3.client("s3", endpoint_url=place.endpoint_url, region_name=place.region, **keys)
        self.s3.create_bucket(Bucket=self.bucket, ObjectLockEnabledForBucket=True)
        for name, value in keys.items():
            monkeypatch.setenv(name.upper(), value)
        monkeypatch.setenv("AWS_DEFAULT_REGION", place.region)
        for name in ("SMTP_URL", "MAIL_FROM", "PUBLIC_URL", "BASE_CURRENCY"):
            monkeypatch.delenv(f"DYNAMICS_{name}", raising=False)
        self.set(
            home=str(home),
            database_url=database_url,
            s3_bucket=self.bucket,
            s3_endpoint_url=place.endpoint_url,
            templates=str(self.templates),
        )
        self._old_mails = set(self._mailbox())

    def set(self, **values: str) -> None:
        """Changes settings of this desk."""
        for name, value in values.items():
            self._monkeypatch.setenv(f"DYNAMICS_{name.upper()}", value)
        settings.cache_clear()

    def unset(self, name: str) -> None:
        self._monkeypatch.delenv(f"DYNAMICS_{name.upper()}")
        settings.cache_clear()

    def __call__(self, *words: object) -> Said:
        """Types `dynamics WORDS` and waits for its end."""
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", newline="", write_through=True) for _ in range(2))
        code = 0
        with redirect_stdout(out), redirect_stderr(err):
            try:
                main([str(word) for word in words])
            except SystemExit as end:
                code = end.code
        said = Said(code, out.buffer.getvalue(), err.buffer.getvalue().decode())
        sys.stderr.write(said.err)  # what pytest shows when the test fails
        return said

    def saved_query(self, name: str, text: str) -> Path:
        path = self.templates / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def mails(self) -> list[EmailMessage]:
        """What has come into the mailbox since this desk was set up, in the order of its coming."""
        new = [path for path in self._mailbox() if path not in self._old_mails]
        new.sort(key=lambda path: path.stat().st_mtime_ns)
        return [message_from_bytes(path.read_bytes(), policy=policy.default) for path in new]

    def holdings(self) -> dict[str, int]:
        """How much there is of everything: rows of each table, objects in the bucket, mails."""
        found = {"objects": len(self.objects()), "mails": len(self.mails())}
        with psycopg.connect(self.database_url) as connection:
            tables = connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname in ('billing', 'dynamics')"
            ).fetchall()
            for (table,) in tables:
                (found[table],) = connection.execute(f"select count(*) from {table}").fetchone()
        return found

    def objects(self) -> dict[str, str]:
        """Key and ETag of every object in the bucket."""
        listed = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        return {found["Key"]: found["ETag"] for found in listed}

    def execute(self, statement: str, *values: object) -> list[tuple]:
        """Runs a statement on the database, as somebody past all our care."""
        with psycopg.connect(self.database_url) as connection:
            cursor = connection.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def _mailbox(self) -> list[Path]:
        folder = local.maildir(self.home) / "new"
        return list(folder.iterdir()) if folder.is_dir() else []
