"""A year of a clock that is looked at now and then: whatever the zone does to its hours, each occurrence comes once."""

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from orchestration.deliveries.catching_up import LATE, plan, register, settle
from orchestration.deliveries.occurrences import delivery_occurrence
from orchestration.saved_queries.cron import moments
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.partitions import occurrences_of, partition_key_of

BEGIN, END = datetime(2025, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
IN_THE_JUMP = {
    "UTC": "30 2 * * *",
    "Europe/Kyiv": "30 3 * * *",
    "America/New_York": "30 2 * * *",
    "Australia/Lord_Howe": "15 2 * * *",
}
"""For each zone a time of day that its spring skips; `15 2` is in Lord Howe's jump of half an hour."""
TWICE = {"UTC": "30 1 * * *", "Europe/Kyiv": "30 3 * * *", "America/New_York": "30 1 * * *", "Australia/Lord_Howe": "45 1 * * *"}  # fmt: skip
"""A time of day that comes twice in autumn."""


def saved_query(cron, zone, **delivery):
    return SavedQuery.model_validate(
        {
            "name": "clock",
            "title": "Clock",
            "query": {"interval": "yesterday", "timezone": zone},
            "delivery": {"schedule": cron, "send_to": ["a@example.com"], **delivery},
        }
    )


def steps(seed):
    """The times at which a clock is looked at in the year: minutes, hours and days apart, in order."""
    chance, now = random.Random(seed), BEGIN
    while now < END:
        yield now
        now += chance.choice((SECOND, MINUTE, HOUR, DAY)) * chance.uniform(0.5, 3)
    yield END


@pytest.mark.parametrize("zone", IN_THE_JUMP)
@pytest.mark.parametrize("times", [IN_THE_JUMP, TWICE], ids=["skipped", "twice"])
def test_every_local_date_is_found_once_however_the_clock_is_looked_at(zone, times):
    cron, looks = times[zone], list(steps(1))
    found = [moment for start, end in pairwise(looks) for moment in moments(cron, zone, start, end)]
    assert found == sorted(set(found)) == list(moments(cron, zone, BEGIN, END))
    dates = Counter(moment.astimezone(ZoneInfo(zone)).date() for moment in found)
    assert set(dates.values()) == {1}
    assert sum(date.year == 2026 for date in dates) == 365


@pytest.mark.parametrize("zone", IN_THE_JUMP)
@pytest.mark.parametrize(
    "cron", ["in the jump", "twice", "0 * * * *", "*/30 1-3 * * *", "0 7 1 * *", "0 0 * * mon"]
)
def test_every_moment_has_a_partition_of_its_own_which_dagster_takes_for_that_moment(zone, cron):
    cron = {"in the jump": IN_THE_JUMP, "twice": TWICE}.get(cron, {}).get(zone, cron)
    around_the_changes = [(datetime(2026, month, 6, tzinfo=UTC), 30 * DAY) for month in (3, 10)]
    there = [
        moment for start, span in around_the_changes for moment in moments(cron, zone, start, start + span)
    ]
    keys = [partition_key_of(saved_query(cron, zone), moment) for moment in there]
    assert len(set(keys)) == len(there)
    windows = map(occurrences_of(cron, zone).time_window_for_partition_key, keys[:: 1 + len(keys) // 200])
    assert [window.start.astimezone(UTC) for window in windows] == there[:: 1 + len(keys) // 200]


class Scheduler:
    """Dagster's part: its schedule fires on time when it is up, its sensor looks now and then, both may come twice."""

    def __init__(self, connection, asked, chance):
        self.connection, self.asked, self.chance = connection, asked, chance
        self.runs = Counter()

    def run(self, moment):
        """A run for this moment: its occurrence, and a row for the one recipient, if there is none."""
        occurrence = delivery_occurrence(self.connection, self.asked.name, moment, "schedule")
        added = self.connection.execute(
            "insert into dynamics.deliveries (occurrence_id, recipient, header, state)"
            " values (%s, 'a@example.com', 'to', 'sent') on conflict do nothing",
            [occurrence.occurrence_id],
        )
        self.runs[moment] += added.rowcount

    def look(self, now):
        register(self.connection, [self.asked], now)
        planned = plan(self.connection, self.asked, now, None)
        settle(self.connection, self.asked, planned)
        for moment in planned.run:
            for _ in range(self.chance.randint(1, 2)):
                self.run(moment)

    def live(self, ticks, outages):
        """A year: on time where it is up, and after each outage a look at what was missed."""
        self.look(BEGIN)
        for moment in ticks:
            away = [end for start, end in outages if start <= moment < end]
            if away:
                continue
            for back in [end for _, end in outages if end <= moment]:
                outages = [outage for outage in outages if outage[1] != back]
                self.look(back + LATE)
            self.run(moment)
            if self.chance.random() < 0.3:
                self.look(moment + self.chance.uniform(0, 2) * HOUR)
        self.look(END)
        self.connection.commit()


@pytest.mark.parametrize("zone", IN_THE_JUMP)
@pytest.mark.parametrize("policy", ["all", "latest", "none"])
def test_a_year_with_outages_ends_with_every_occurrence_once_run_or_skipped(database, zone, policy):
    """Ten outages of up to five days, over both clock changes among them."""
    chance = random.Random(f"{zone} {policy}")
    ticks = list(moments(IN_THE_JUMP[zone], zone, BEGIN + MINUTE, END - HOUR))
    begins = [ticks[i] - HOUR for i in range(20, 360, 36)]
    changes = [datetime(2026, 3, 7, tzinfo=UTC), datetime(2026, 10, 3, tzinfo=UTC)]
    outages = [(start, start + chance.uniform(0.2, 5) * DAY) for start in [*begins, *changes]]
    scheduler = Scheduler(database, saved_query(IN_THE_JUMP[zone], zone, catch_up=policy), chance)
    scheduler.live(ticks, outages)

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
