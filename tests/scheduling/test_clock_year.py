"""A year with clock changes and outages: each occurrence comes once."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestration.deliveries.catch_up import (
    MISSED_AFTER,
    Decision,
    apply_plan,
    plan_catch_up,
    register_schedules,
)
from orchestration.deliveries.occurrences import reserve_occurrence
from orchestration.saved_queries.cron import find_moments
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.partitions import define_partitions, format_partition_key

BEGIN, END = datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SKIPPED = {
    "UTC": "30 2 * * *",
    "Europe/Kyiv": "30 3 * * *",
    "America/New_York": "30 2 * * *",
    "Australia/Lord_Howe": "15 2 * * *",
}
"""A cron in the hour that the spring clock change of the zone skips."""
REPEATED = {"UTC": "30 1 * * *", "Europe/Kyiv": "30 3 * * *", "America/New_York": "30 1 * * *", "Australia/Lord_Howe": "45 1 * * *"}  # fmt: skip
"""A cron in the hour that the autumn clock change repeats."""


def saved_query(cron, zone, **delivery):
    return SavedQuery.model_validate(
        {
            "name": "clock",
            "title": "Clock",
            "query": {"interval": "yesterday", "timezone": zone},
            "delivery": {"schedule": cron, "send_to": ["a@example.com"], **delivery},
        }
    )


def random_times(seed):
    """Yield random times of the year in order, seconds to days apart."""
    random_source, now = random.Random(seed), BEGIN
    while now < END:
        yield now
        now += random_source.choice((SECOND, MINUTE, HOUR, DAY)) * random_source.uniform(0.5, 3)
    yield END


@pytest.mark.parametrize("zone", SKIPPED)
@pytest.mark.parametrize("times", [SKIPPED, REPEATED], ids=["skipped", "repeated"])
def test_every_local_date_has_one_moment(zone, times):
    cron, looks = times[zone], list(random_times(1))
    moments = [moment for start, end in pairwise(looks) for moment in find_moments(cron, zone, start, end)]
    assert moments == sorted(set(moments)) == list(find_moments(cron, zone, BEGIN, END))
    dates = Counter(moment.astimezone(ZoneInfo(zone)).date() for moment in moments)
    assert set(dates.values()) == {1}
    assert sum(date.year == 2026 for date in dates) == 365


@pytest.mark.parametrize("zone", SKIPPED)
@pytest.mark.parametrize(
    "cron", ["skipped", "repeated", "0 * * * *", "*/30 1-3 * * *", "0 7 1 * *", "0 0 * * mon"]
)
def test_every_moment_has_its_own_partition(zone, cron):
    cron = {"skipped": SKIPPED, "repeated": REPEATED}.get(cron, {}).get(zone, cron)
    around_the_changes = [(datetime(2026, month, 6, tzinfo=UTC), 30 * DAY) for month in (3, 10)]
    moments = [
        moment
        for start, span in around_the_changes
        for moment in find_moments(cron, zone, start, start + span)
    ]
    keys = [format_partition_key(saved_query(cron, zone), moment) for moment in moments]
    assert len(set(keys)) == len(moments)
    windows = map(define_partitions(cron, zone).time_window_for_partition_key, keys[:: 1 + len(keys) // 200])
    assert [window.start.astimezone(UTC) for window in windows] == moments[:: 1 + len(keys) // 200]


class Scheduler:
    """Simulates Dagster: its schedule runs on time, and its sensor looks at random times."""

    def __init__(self, connection, saved_query, random_source):
        self.connection, self.saved_query, self.random_source = connection, saved_query, random_source
        self.runs = Counter()

    def run(self, moment):
        """Run a moment: reserve its occurrence, and record a mail if there is none."""
        occurrence = reserve_occurrence(self.connection, self.saved_query.name, moment, "schedule")
        added = self.connection.execute(
            "insert into dynamics.deliveries (occurrence_id, recipient, header, state)"
            " values (%s, 'a@example.com', 'to', 'sent') on conflict do nothing",
            [occurrence.occurrence_id],
        )
        self.runs[moment] += added.rowcount

    def look(self, now):
        register_schedules(self.connection, [self.saved_query], now)
        plan = plan_catch_up(self.connection, self.saved_query, now, None)
        apply_plan(self.connection, self.saved_query, plan)
        for moment in plan.moments[Decision.RUN]:
            for _ in range(self.random_source.randint(1, 2)):
                self.run(moment)

    def simulate_year(self, ticks, outages):
        """Simulate a year: run the moments outside outages, and look after each outage."""
        self.look(BEGIN)
        for moment in ticks:
            outage_ends = [end for start, end in outages if start <= moment < end]
            if outage_ends:
                continue
            for back in [end for _, end in outages if end <= moment]:
                outages = [outage for outage in outages if outage[1] != back]
                self.look(back + MISSED_AFTER)
            self.run(moment)
            if self.random_source.random() < 0.3:
                self.look(moment + self.random_source.uniform(0, 2) * HOUR)
        self.look(END)
        self.connection.commit()


@pytest.mark.parametrize("zone", SKIPPED)
@pytest.mark.parametrize("policy", ["all", "latest", "none"])
def test_each_occurrence_of_a_year_is_run_or_skipped_once(database, zone, policy):
    """Ten outages of up to five days, two of them over the clock changes."""
    random_source = random.Random(f"{zone} {policy}")
    ticks = list(find_moments(SKIPPED[zone], zone, BEGIN + MINUTE, END - HOUR))
    begins = [ticks[i] - HOUR for i in range(20, 360, 36)]
    changes = [datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)]
    outages = [(start, start + random_source.uniform(0.2, 5) * DAY) for start in [*begins, *changes]]
    scheduler = Scheduler(database, saved_query(SKIPPED[zone], zone, catch_up=policy), random_source)
    scheduler.simulate_year(ticks, outages)

    rows = database.execute(
        "select scheduled_at, array_agg(state) from dynamics.occurrences join dynamics.deliveries using (occurrence_id)"
        " group by scheduled_at order by scheduled_at"
    ).fetchall()
    assert [moment for moment, _ in rows] == ticks
    assert {len(states) for _, states in rows} == {1}
    assert set(scheduler.runs.values()) <= {0, 1}
    missed = [moment for moment in ticks if any(start <= moment < end for start, end in outages)]
    skipped = [moment for moment, (state,) in rows if state == "skipped"]
    assert set(skipped) <= set(missed)
    if policy == "all":
        assert skipped == []
    if policy == "none":
        assert skipped == missed
    if policy == "latest":
        assert 0 < len(skipped) < len(missed)
