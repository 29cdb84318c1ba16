"""The mail of a snapshot: what it says, what is attached, and who may read whose name."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from functools import cached_property
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from orchestration.archive import Manifest, Snapshot
from orchestration.mailing.delivery import Header
from orchestration.mailing.message import Attachment, attach_within, compose
from orchestration.rendering import chart_png, mail_bodies, preset_named
from orchestration.reporting.report import Provenance
from orchestration.reporting.table import ReportTable

ATTACH_AT_MOST = 10_000_000
"""Bytes of files that one mail carries, as they travel, unless its saved query says otherwise."""
_BODIES = 200 * 1024
"""Bytes that the text and the page of a mail may take, more than they ever do."""
_CHART_CID = "chart"
_SECOND = timedelta(seconds=1)


class Letter(BaseModel):
    """What the mail of one occurrence says beside its report.

    Kept with the occurrence, so that a mail that is sent later, or again, is the one that was meant, whatever
    became of the saved query.
    """

    model_config = ConfigDict(frozen=True)

    subject: str
    formats: tuple[str, ...]
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    attach_at_most: int = ATTACH_AT_MOST
    """Bytes of files that the mail carries; what does not fit is behind its link."""
    note: str | None = None
    """What the reader must know before the numbers."""

    @property
    def recipients(self) -> list[tuple[str, Header]]:
        """Every address with the header it belongs to; `bcc` stands in no header."""
        groups: list[tuple[Header, tuple[str, ...]]] = [("to", self.to), ("cc", self.cc), ("bcc", self.bcc)]
        return [(address, header) for header, addresses in groups for address in addresses]


def interval_words(manifest: Manifest) -> str:
    """The interval for a subject line: its days, or its times where it does not begin and end with a day."""
    zone = ZoneInfo(manifest.timezone)
    first, last = (
        moment.astimezone(zone) for moment in (manifest.interval.from_, manifest.interval.to - _SECOND)
    )
    form = "%Y-%m-%d" if (first.time(), last.time()) == (time(), time(23, 59, 59)) else "%Y-%m-%d %H:%M:%S"
    return (
        f"{first:{form}} to {last:{form}}" if first.date() < last.date() or "H" in form else f"{first:{form}}"
    )


@dataclass(frozen=True)
class LetterWriter:
    """Writes a letter with its report, the same to every recipient but for the Message-ID."""

    letter: Letter
    snapshot: Snapshot
    sender: Address

    def message(self, message_id: str, max_size: int | None = None) -> EmailMessage:
        """The mail, with the files that `max_size`, the bytes that the mail server takes, leaves room for.

        Raises SnapshotDamaged: what is not as it was kept is not sent.
        """
        manifest = self.snapshot.manifest
        attached, linked = attach_within(
            self._files,
            self.letter.attach_at_most,
            max_size=max_size,
            beside=_BODIES + len(self._chart or b""),
        )
        links = {file.filename: f"{manifest.link}&format={fmt}" for fmt, file in manifest.files.items()}
        text, html = mail_bodies(
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
                *([self.letter.note] if self.letter.note else []),
                *(f"{file.filename} is too large for this mail: {links[file.filename]}" for file in linked),
            ],
        )
        return compose(
            sender=self.sender,
            subject=self.letter.subject,
            to=self.letter.to,
            cc=self.letter.cc,
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
        return chart_png(self._table, preset_named(preset)) if preset else None

    @cached_property
    def _files(self) -> list[Attachment]:
        stored = self.snapshot.manifest.files
        return [
            Attachment(stored[fmt].filename, stored[fmt].content_type, self.snapshot.read(fmt))
            for fmt in self.letter.formats
        ]
