"""Backfill: the range of moments, and moments that Dagster does not list."""

from datetime import UTC, datetime

import pytest

from orchestration.connections import open_archive
from orchestration.deliveries import manual
from orchestration.deliveries.backfill import backfill
from orchestration.errors import RequestError
from orchestration.saved_queries.cron import EARLIEST_MOMENT
from orchestration.scheduling.partitions import FIRST_PARTITION

MONTHLY = """
title: By month
query: {interval: previous month}
output: {formats: [csv]}
delivery: {schedule: "0 7 1 * *", send_to: [to@example.com]}
"""


def run(saved_query, start, end):
    with open_archive() as (archive, connection):
        return list(backfill(connection, archive, saved_query, start, end, send=False))


def test_a_backfill_covers_moments_before_the_partitions(harness):
    saved_query = harness.saved_query(MONTHLY)
    end = FIRST_PARTITION.replace(day=31)
    (december, january) = run(saved_query, datetime(2014, 12, 1, tzinfo=UTC), end)
    assert december.moment < FIRST_PARTITION < january.moment
    assert "/view?id=" in december.link
    (first,) = run(saved_query, EARLIEST_MOMENT, EARLIEST_MOMENT.replace(day=31))
    assert first.moment == EARLIEST_MOMENT.replace(hour=7)
    assert first.problem is None


def test_moments_out_of_range_are_refused(harness):
    saved_query = harness.saved_query(MONTHLY)
    for moment in (datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)):
        with pytest.raises(RequestError, match="is out of range"), open_archive() as (archive, connection):
            manual.dry_run(connection, archive, saved_query, moment)
    with pytest.raises(RequestError, match="is out of range"):
        run(saved_query, datetime(1, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))
