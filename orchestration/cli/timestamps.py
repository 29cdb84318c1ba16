"""A timestamp on the command line: ISO 8601 with an offset, so that its meaning is certain."""

from datetime import datetime
from typing import Any

import click


class _Timestamp(click.ParamType[datetime]):
    name = "timestamp"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a valid timestamp: write 2026-01-01T07:00:00Z", param, ctx)
        if moment.tzinfo is None:
            complete = moment.isoformat()
            self.fail(f"{value!r} has no offset: write {complete}Z for UTC, or {complete}+02:00", param, ctx)
        return moment


TIMESTAMP = _Timestamp()
