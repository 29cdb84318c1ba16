"""The content of a report mail: subject, recipients, attached files and notes."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cached_property
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from orchestration.archive import Manifest, Snapshot
from orchestration.mailing.message import Attachment, compose, split_attachments
from orchestration.mailing.terms import Header
from orchestration.rendering import find_chart_preset, render_chart_png, render_mail_bodies
from orchestration.reporting.report import Provenance
from orchestration.reporting.table import ReportTable

DEFAULT_MAX_ATTACHMENT_BYTES = 10_000_000
"""The default limit for the files of one mail, in bytes as they are encoded in the mail."""
_BODY_BYTES = 200 * 1024
"""Bytes that are reserved for the text and the HTML of a mail."""
_CHART_CID = "chart"
_SECOND = timedelta(seconds=1)


class MailContent(BaseModel):
    """The content of one occurrence's mail, without the report itself.

    It is stored with the occurrence. So a mail that is sent later, or again, does not change with
    the saved query. The field names are stored in the database.
    """

    model_config = ConfigDict(frozen=True)

    subject: str
    formats: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    attach_at_most: int = DEFAULT_MAX_ATTACHMENT_BYTES
    """The limit for the attached files in bytes. Larger files are linked."""
    note: str | None = None
    """A sentence above the numbers, such as a warning about stale data."""

    @property
    def recipients(self) -> list[tuple[str, Header]]:
        """Every address with its header."""
        groups: list[tuple[Header, tuple[str, ...]]] = [("to", self.to), ("cc", self.cc), ("bcc", self.bcc)]
        return [(address, header) for header, addresses in groups for address in addresses]


def describe_interval(manifest: Manifest) -> str:
    """Return the interval for a subject line.

    It shows dates if the interval starts and ends at midnight, and times otherwise.
    """
    zone = ZoneInfo(manifest.timezone)
    first, last = (
        moment.astimezone(zone) for moment in (manifest.interval.from_, manifest.interval.to - _SECOND)
    )
    form = "%Y-%m-%d" if (first.time(), last.time()) == (time(), time(23, 59, 59)) else "%Y-%m-%d %H:%M:%S"
    return (
        f"{first:{form}} to {last:{form}}" if first.date() < last.date() or "H" in form else f"{first:{form}}"
    )


@dataclass(frozen=True)
class MessageBuilder:
    """Builds the messages of one report mail. They differ only in their Message-ID."""

    content: MailContent
    snapshot: Snapshot
    sender: Address

    def build(self, message_id: str, max_message_size: int | None = None) -> EmailMessage:
        """Build the message. Files that do not fit into `max_message_size` bytes are linked.

        Raise SnapshotDamaged if the archived files have changed.
        """
        manifest = self.snapshot.manifest
        attached, linked = split_attachments(
            self._files,
            self.content.attach_at_most,
            max_message_size=max_message_size,
            body_bytes=_BODY_BYTES + len(self._chart or b""),
        )
        links = {file.filename: f"{manifest.link}&format={fmt}" for fmt, file in manifest.files.items()}
        text, html = render_mail_bodies(
            self._table,
            manifest.info,
            Provenance(
                manifest.title,
                manifest.generated_by,
                manifest.generated_at,
                manifest.link,
                manifest.saved_query,
            ),
            chart_cid=_CHART_CID if self._chart else None,
            notes=[
                *([self.content.note] if self.content.note else []),
                *(f"{file.filename} is too large for this mail: {links[file.filename]}" for file in linked),
            ],
        )
        return compose(
            sender=self.sender,
            subject=self.content.subject,
            to=self.content.to,
            cc=self.content.cc,
            text=text,
            html=html,
            attachments=attached,
            inline_png=self._chart,
            chart_cid=_CHART_CID,
            message_id=message_id,
            date=datetime.now(UTC),
            headers={"X-Customer-Dynamics-Snapshot": manifest.id},
        )

    @cached_property
    def _table(self) -> ReportTable:
        return self.snapshot.table()

    @cached_property
    def _chart(self) -> bytes | None:
        preset = self.snapshot.manifest.chart
        return render_chart_png(self._table, find_chart_preset(preset)) if preset else None

    @cached_property
    def _files(self) -> list[Attachment]:
        stored = self.snapshot.manifest.files
        return [
            Attachment(stored[fmt].filename, stored[fmt].content_type, self.snapshot.read(fmt))
            for fmt in self.content.formats
        ]
