"""What becomes of scheduled moments that nobody took care of: an outage, a dead run, a switch, data that is late."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from orchestration.deliveries.catching_up import AT_ONCE, missed, plan, register, settle
from orchestration.deliveries.freshness import stale_line, waits_for
from orchestration.deliveries.occurrences import delivery_occurrence
from orchestration.mailing.delivery import deliveries
from orchestration.saved_queries.saved_query import SavedQuery

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def query(schedule="0 7 * * *", interval="yesterday", zone="UTC", **delivery):
    """A saved query that is mailed to two, at seven unless it says otherwise."""
    delivery = {"send_to": ["a@example.com"], "cc": ["b@example.com"], "schedule": schedule} | delivery
    return SavedQuery.model_validate(
        {
            "name": "daily",
            "title": "Daily",
            "query": {"interval": interval, "timezone": zone},
            "delivery": delivery,
        }
    )


@pytest.fixture
def look(database):
    """Looks at a saved query at a moment, as the sensor does, and gives the plan."""

    def look(saved_query, now, as_of=None, **registered):
        register(database, [saved_query], now, **registered)
        planned = plan(database, saved_query, now, as_of)
        settle(database, saved_query, planned)
        return planned

    return look


@pytest.fixture
def mailed(database):
    """A moment whose report went out: it has an occurrence, and a row for a recipient."""

    def mailed(moment, name="daily"):
        occurrence = delivery_occurrence(database, name, moment, "schedule")
        database.execute(
            "insert into dynamics.deliveries (occurrence_id, recipient, header, state) values (%s, 'a@example.com', 'to', 'sent')",
            [occurrence.occurrence_id],
        )
        database.commit()

    return mailed


def skipped(database):
    """Moment, recipient and reason of each row that was skipped, the oldest first."""
    rows = deliveries(database, state="skipped", limit=10_000)
    return sorted((row.scheduled_at, row.recipient, row.reply) for row in rows)


def at(day, hour=7):
    """An hour of a day, seven o'clock unless it says otherwise."""
    return MONDAY + day * DAY + hour * HOUR


@pytest.mark.parametrize(
    ("policy", "run", "over"),
    [("all", [at(1), at(2), at(3)], []), ("latest", [at(3)], [at(1), at(2)]), ("none", [], [at(1), at(2), at(3)])],
)  # fmt: skip
def test_after_three_days_without_a_scheduler_catch_up_decides(database, look, mailed, policy, run, over):
    saved_query = query(catch_up=policy)
    look(saved_query, MONDAY)
    mailed(at(0))
    back = at(3, 12)
    assert missed(database, saved_query, back) == [at(1), at(2), at(3)]
    assert look(saved_query, back).run == run
    assert skipped(database) == [
        (moment, address, f"missed: nothing ran, or its run died; catch_up is {policy}")
        for moment in over
        for address in ("a@example.com", "b@example.com")
    ]
    assert missed(database, saved_query, back) == run
    assert look(saved_query, back + MINUTE).run == run, "until its run has begun it is asked for"
    for moment in run:
        mailed(moment)
    assert look(saved_query, back + HOUR).run == []


def test_a_moment_is_the_schedules_own_for_five_minutes(look):
    look(query(), MONDAY)
    assert look(query(), at(0) + 5 * MINUTE - timedelta(seconds=1)).run == []
    assert look(query(), at(0) + 5 * MINUTE).run == [at(0)]


def test_of_a_minutely_report_only_what_comes_now_is_latest(database, look):
    """Stopped for three minutes: the one that is due at the restart is Dagster's, and what came before is over."""
    saved_query = query("* * * * *")
    look(saved_query, MONDAY)
    assert look(saved_query, MONDAY + 7 * MINUTE).run == []
    assert [moment for moment, _, _ in skipped(database)][::2] == [
        MONDAY,
        MONDAY + MINUTE,
        MONDAY + 2 * MINUTE,
    ]


def test_a_new_saved_query_does_not_fire_its_past(look):
    assert look(query(catch_up="all"), at(5, 12)).run == []
    assert look(query(catch_up="all"), at(6, 12)).run == [at(6)]


@pytest.mark.parametrize("change", [{"schedule": "0 8 * * *"}, {"timezone": "Europe/Kyiv"}])
def test_another_cron_or_zone_begins_anew(look, change):
    look(query(catch_up="all"), MONDAY)
    changed = query(**{"catch_up": "all"} | change)
    assert look(changed, at(3, 12)).run == []
    assert len(look(changed, at(4, 12)).run) == 1


def test_another_recipient_or_policy_does_not_begin_anew(look):
    look(query(catch_up="none"), MONDAY)
    assert look(query(catch_up="all", send_to=["c@example.com"]), at(1, 12)).run == [at(0), at(1)]


def test_what_was_switched_off_and_on_does_not_fire_what_it_slept_through(database, look):
    saved_query = query(catch_up="all")
    look(saved_query, MONDAY)
    register(database, [], at(0, 1))
    assert look(saved_query, at(4, 12)).run == []
    assert skipped(database) == []


def test_a_file_that_cannot_be_read_for_a_while_is_not_switched_off(database, look):
    saved_query = query(catch_up="all")
    look(saved_query, MONDAY)
    register(database, [], at(0, 1), unreadable={"daily"})
    assert look(saved_query, at(0, 12)).run == [at(0)]


def test_a_run_that_died_before_its_mails_is_ended_whatever_the_policy(database, look):
    saved_query = query(catch_up="none")
    look(saved_query, MONDAY)
    delivery_occurrence(database, "daily", at(0), "schedule")
    assert look(saved_query, at(0, 8)).run == [at(0)]
    assert look(saved_query, at(3, 8)).run == [at(0)]


def test_what_was_made_by_hand_is_not_ended_by_the_schedule(database, look):
    saved_query = query(catch_up="all")
    look(saved_query, MONDAY)
    delivery_occurrence(database, "daily", at(0), "backfill")
    assert look(saved_query, at(0, 8)).run == []


def test_what_failed_for_good_is_not_made_again_by_itself(database, look):
    saved_query = query(catch_up="all")
    look(saved_query, MONDAY)
    delivery_occurrence(database, "daily", at(0), "schedule")
    database.execute(
        "insert into dynamics.failures (failure, saved_query, scheduled_at, addresses, subject, body)"
        " values ('x', 'daily', %s, '{}', '', '')",
        [at(0)],
    )
    assert look(saved_query, at(0, 8)).run == []


def test_a_year_of_minutes_is_taken_a_thousand_at_a_time(database, look):
    saved_query = query("* * * * *", send_to=["a@example.com"], cc=[])
    look(saved_query, MONDAY)
    now = MONDAY + 365 * DAY
    for looks in (1, 2):
        assert look(saved_query, now + looks * MINUTE).run == []
        assert len(skipped(database)) == looks * AT_ONCE
    assert skipped(database)[-1][0] == MONDAY + (2 * AT_ONCE - 1) * MINUTE
    assert missed(database, saved_query, now)[0] == MONDAY + 2 * AT_ONCE * MINUTE


def test_slices_that_were_missed_are_recorded_apart(database, look):
    """So that no address of an owner is ever in the occurrence of the whole report."""
    saved_query = query(catch_up="none", split_by="owner", owners={"North": ["n@example.com"]})
    look(saved_query, MONDAY)
    look(saved_query, at(0, 8))
    rows = deliveries(database, state="skipped")
    assert sorted((row.slice, row.recipient) for row in rows) == [
        ("", "a@example.com"),
        ("", "b@example.com"),
        ("North", "n@example.com"),
    ]


def test_a_clock_change_neither_drops_nor_doubles_a_moment(database, look):
    """Kyiv skips 03:30 on 29 March 2026 and has it twice on 25 October."""
    zone = ZoneInfo("Europe/Kyiv")
    saved_query = query("30 3 * * *", catch_up="all", timezone="Europe/Kyiv")
    for month, first in ((3, 28), (10, 24)):
        start = datetime(2026, month, first, tzinfo=zone).astimezone(UTC)
        register(database, [], start)
        look(saved_query, start)
        run = look(saved_query, start + 3 * DAY).run
        assert [moment.astimezone(zone).day for moment in run] == [first, first + 1, first + 2]


def fresh(**delivery):
    return query(after="fresh", **delivery)


def test_a_report_waits_for_the_end_of_its_interval_and_never_for_more_than_its_moment():
    moment = at(0)
    assert waits_for(query(), moment, None) is None
    assert waits_for(fresh(), moment, MONDAY) is None
    assert waits_for(fresh(), moment, MONDAY - HOUR) == (
        "daily waits for data until 2026-03-02 00:00:00+00:00: it reaches 2026-03-01 23:00:00+00:00"
    )
    assert "nothing was built yet" in waits_for(fresh(), moment, None)
    this_month = fresh(interval="this month")
    assert waits_for(this_month, moment, moment) is None
    assert "until 2026-03-02 07:00:00+00:00" in waits_for(this_month, moment, moment - MINUTE)


def test_the_end_of_an_interval_is_midnight_in_its_zone():
    kyiv = fresh(zone="Europe/Kyiv")
    assert waits_for(kyiv, at(0), MONDAY - 2 * HOUR) is None
    assert waits_for(kyiv, at(0), MONDAY - 2 * HOUR - MINUTE)


def test_it_is_run_when_the_data_is_there(look):
    saved_query = fresh(catch_up="none")
    stale, ready = MONDAY - HOUR, MONDAY
    look(saved_query, MONDAY, stale)
    waiting = [look(saved_query, at(0) + minutes * MINUTE, stale) for minutes in range(0, 30, 4)]
    assert {tuple(plan.run) for plan in waiting} == {()}
    assert all("daily waits for data until" in plan.waiting[0] for plan in waiting)
    assert look(saved_query, at(0) + 31 * MINUTE, ready).run == [at(0)]


@pytest.mark.parametrize("stale", ["fail", "send"])
def test_when_the_wait_is_over_stale_decides(database, look, stale):
    saved_query = fresh(stale=stale, wait_at_most="2h")
    for minutes in range(0, 120, 4):
        assert look(saved_query, at(0) + minutes * MINUTE, MONDAY - HOUR).run == []
    over = look(saved_query, at(0, 9), MONDAY - HOUR)
    assert (over.run, over.stale) == (([at(0)], []) if stale == "send" else ([], [at(0)]))
    failed = [(row.recipient, row.reply) for row in deliveries(database, state="failed")]
    assert len(failed) == (2 if stale == "fail" else 0)
    assert all("the data was not ready in time" in reply for _, reply in failed)
    assert look(saved_query, at(0, 9) + HOUR, MONDAY - HOUR).stale == []


def test_moments_that_wait_are_not_missed_and_those_of_an_outage_do_not_hide_behind_waiting(look, mailed):
    """Hourly, data six hours late: all of them wait. Nobody there for hours: catch_up says which of them wait."""
    saved_query = fresh(schedule="0 * * * *", interval="this month")
    look(saved_query, MONDAY - MINUTE, MONDAY - DAY)
    for minutes in range(0, 180, 4):
        look(saved_query, MONDAY + minutes * MINUTE, MONDAY - DAY)
    ready = [MONDAY + hours * HOUR for hours in range(3)]
    assert look(saved_query, MONDAY + 3 * HOUR - MINUTE, MONDAY + 3 * HOUR).run == ready
    for moment in ready:
        mailed(moment)
    back = look(saved_query, MONDAY + 6 * HOUR + 10 * MINUTE, MONDAY + 7 * HOUR)
    assert back.skip == [MONDAY + hours * HOUR for hours in (3, 4, 5)]
    assert back.run == [MONDAY + 6 * HOUR]


def test_a_mail_that_could_not_wait_says_until_when_its_data_reaches():
    assert stale_line(fresh(), at(0), MONDAY) is None
    assert stale_line(query(), at(0), MONDAY - DAY) is None
    assert stale_line(fresh(zone="Europe/Kyiv"), at(0), MONDAY - DAY) == (
        "Not complete: data until 2026-03-01 02:00:00+02:00; the report needs it until 2026-03-02 00:00:00+02:00."
    )
