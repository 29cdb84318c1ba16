"""Catch-up: scheduled moments after an outage, a dead run, a switched-off schedule or late data."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from orchestration.deliveries.catch_up import (
    MAX_MOMENTS,
    Decision,
    apply_plan,
    find_missed_moments,
    plan_catch_up,
    register_schedules,
)
from orchestration.deliveries.freshness import describe_stale_data, find_reason_to_wait
from orchestration.deliveries.occurrences import reserve_occurrence
from orchestration.mailing.mail_record import find_mail_records
from orchestration.saved_queries.saved_query import SavedQuery

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def query(schedule="0 7 * * *", interval="yesterday", zone="UTC", **delivery):
    """Return a saved query with two recipients. Its default schedule is 07:00 every day."""
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
def catch_up(database):
    """Return a function that plans and records the open moments, as the sensor does.

    Its result has the moments of each decision as attributes.
    """

    def catch_up(saved_query, now, as_of=None):
        register_schedules(database, [saved_query], now)
        plan = plan_catch_up(database, saved_query, now, as_of)
        apply_plan(database, saved_query, plan)
        moments = {decision.name.lower(): plan.moments[decision] for decision in Decision}
        return SimpleNamespace(**moments, waiting=plan.waiting)

    return catch_up


@pytest.fixture
def record_mailed(database):
    """Return a function that records a moment as mailed to one recipient."""

    def record_mailed(moment, name="daily"):
        occurrence = reserve_occurrence(database, name, moment, "schedule")
        database.execute(
            "insert into dynamics.deliveries (occurrence_id, recipient, header, state) values (%s, 'a@example.com', 'to', 'sent')",
            [occurrence.occurrence_id],
        )
        database.commit()

    return record_mailed


def load_skipped(database):
    """Return the moment, recipient and reason of each skipped mail, oldest first."""
    rows = find_mail_records(database, state="skipped", limit=10_000)
    return sorted((row.scheduled_at, row.recipient, row.reply) for row in rows)


def at(day, hour=7):
    """Return an hour of a day after MONDAY."""
    return MONDAY + day * DAY + hour * HOUR


@pytest.mark.parametrize(
    ("policy", "run", "skipped"),
    [("all", [at(1), at(2), at(3)], []), ("latest", [at(3)], [at(1), at(2)]), ("none", [], [at(1), at(2), at(3)])],
)  # fmt: skip
def test_catch_up_decides_after_an_outage(database, catch_up, record_mailed, policy, run, skipped):
    saved_query = query(catch_up=policy)
    catch_up(saved_query, MONDAY)
    record_mailed(at(0))
    back = at(3, 12)
    assert find_missed_moments(database, saved_query, back) == [at(1), at(2), at(3)]
    assert catch_up(saved_query, back).run == run
    assert load_skipped(database) == [
        (moment, address, f"missed: nothing ran, or its run died; catch_up is {policy}")
        for moment in skipped
        for address in ("a@example.com", "b@example.com")
    ]
    assert find_missed_moments(database, saved_query, back) == run
    assert catch_up(saved_query, back + MINUTE).run == run, "it is requested until its run has begun"
    for moment in run:
        record_mailed(moment)
    assert catch_up(saved_query, back + HOUR).run == []


def test_a_moment_is_missed_after_five_minutes(catch_up):
    catch_up(query(), MONDAY)
    assert catch_up(query(), at(0) + 5 * MINUTE - timedelta(seconds=1)).run == []
    assert catch_up(query(), at(0) + 5 * MINUTE).run == [at(0)]


def test_the_latest_moment_of_a_minutely_schedule(database, catch_up):
    """After a stop, Dagster runs the current moment, and earlier moments are skipped."""
    saved_query = query("* * * * *")
    catch_up(saved_query, MONDAY)
    assert catch_up(saved_query, MONDAY + 7 * MINUTE).run == []
    assert [moment for moment, _, _ in load_skipped(database)][::2] == [
        MONDAY,
        MONDAY + MINUTE,
        MONDAY + 2 * MINUTE,
    ]


def test_a_new_saved_query_does_not_deliver_its_past(catch_up):
    assert catch_up(query(catch_up="all"), at(5, 12)).run == []
    assert catch_up(query(catch_up="all"), at(6, 12)).run == [at(6)]


@pytest.mark.parametrize("change", [{"schedule": "0 8 * * *"}, {"timezone": "Europe/Kyiv"}])
def test_another_cron_or_zone_starts_now(catch_up, change):
    catch_up(query(catch_up="all"), MONDAY)
    changed = query(**{"catch_up": "all"} | change)
    assert catch_up(changed, at(3, 12)).run == []
    assert len(catch_up(changed, at(4, 12)).run) == 1


def test_another_recipient_or_policy_changes_no_start(catch_up):
    catch_up(query(catch_up="none"), MONDAY)
    assert catch_up(query(catch_up="all", send_to=["c@example.com"]), at(1, 12)).run == [at(0), at(1)]


def test_a_schedule_skips_the_time_it_was_switched_off(database, catch_up):
    saved_query = query(catch_up="all")
    catch_up(saved_query, MONDAY)
    register_schedules(database, [], at(0, 1))
    assert catch_up(saved_query, at(4, 12)).run == []
    assert load_skipped(database) == []


def test_an_unreadable_file_keeps_its_schedule(database, catch_up):
    saved_query = query(catch_up="all")
    catch_up(saved_query, MONDAY)
    register_schedules(database, [], at(0, 1), unreadable={"daily"})
    assert catch_up(saved_query, at(0, 12)).run == [at(0)]


def test_a_dead_run_is_completed_with_any_policy(database, catch_up):
    saved_query = query(catch_up="none")
    catch_up(saved_query, MONDAY)
    reserve_occurrence(database, "daily", at(0), "schedule")
    assert catch_up(saved_query, at(0, 8)).run == [at(0)]
    assert catch_up(saved_query, at(3, 8)).run == [at(0)]


def test_the_schedule_does_not_complete_a_backfill(database, catch_up):
    saved_query = query(catch_up="all")
    catch_up(saved_query, MONDAY)
    reserve_occurrence(database, "daily", at(0), "backfill")
    assert catch_up(saved_query, at(0, 8)).run == []


def test_a_permanent_failure_is_not_tried_again(database, catch_up):
    saved_query = query(catch_up="all")
    catch_up(saved_query, MONDAY)
    reserve_occurrence(database, "daily", at(0), "schedule")
    database.execute(
        "insert into dynamics.failures (failure, saved_query, scheduled_at, addresses, subject, body)"
        " values ('x', 'daily', %s, '{}', '', '')",
        [at(0)],
    )
    assert catch_up(saved_query, at(0, 8)).run == []


def test_a_year_of_minutes_is_handled_in_thousands(database, catch_up):
    saved_query = query("* * * * *", send_to=["a@example.com"], cc=[])
    catch_up(saved_query, MONDAY)
    now = MONDAY + 365 * DAY
    for round_number in (1, 2):
        assert catch_up(saved_query, now + round_number * MINUTE).run == []
        assert len(load_skipped(database)) == round_number * MAX_MOMENTS
    assert load_skipped(database)[-1][0] == MONDAY + (2 * MAX_MOMENTS - 1) * MINUTE
    assert find_missed_moments(database, saved_query, now)[0] == MONDAY + 2 * MAX_MOMENTS * MINUTE


def test_missed_slices_are_recorded_separately(database, catch_up):
    """No address of an owner may be in the occurrence of the whole report."""
    saved_query = query(catch_up="none", split_by="owner", owners={"North": ["n@example.com"]})
    catch_up(saved_query, MONDAY)
    catch_up(saved_query, at(0, 8))
    rows = find_mail_records(database, state="skipped")
    assert sorted((row.slice, row.recipient) for row in rows) == [
        ("", "a@example.com"),
        ("", "b@example.com"),
        ("North", "n@example.com"),
    ]


def test_a_clock_change_keeps_one_moment_per_day(database, catch_up):
    """Kyiv skips 03:30 on 29 March 2026 and has it twice on 25 October."""
    zone = ZoneInfo("Europe/Kyiv")
    saved_query = query("30 3 * * *", catch_up="all", timezone="Europe/Kyiv")
    for month, first in ((3, 28), (10, 24)):
        start = datetime(2026, month, first, tzinfo=zone).astimezone(UTC)
        register_schedules(database, [], start)
        catch_up(saved_query, start)
        run = catch_up(saved_query, start + 3 * DAY).run
        assert [moment.astimezone(zone).day for moment in run] == [first, first + 1, first + 2]


def fresh(**delivery):
    return query(after="fresh", **delivery)


def test_a_report_waits_for_its_interval_or_its_moment():
    moment = at(0)
    assert find_reason_to_wait(query(), moment, None) is None
    assert find_reason_to_wait(fresh(), moment, MONDAY) is None
    assert find_reason_to_wait(fresh(), moment, MONDAY - HOUR) == (
        "daily waits for data until 2026-03-02 00:00:00+00:00: it reaches 2026-03-01 23:00:00+00:00"
    )
    assert "there is no build yet" in find_reason_to_wait(fresh(), moment, None)
    this_month = fresh(interval="this month")
    assert find_reason_to_wait(this_month, moment, moment) is None
    assert "until 2026-03-02 07:00:00+00:00" in find_reason_to_wait(this_month, moment, moment - MINUTE)


def test_the_interval_ends_at_midnight_in_its_zone():
    kyiv = fresh(zone="Europe/Kyiv")
    assert find_reason_to_wait(kyiv, at(0), MONDAY - 2 * HOUR) is None
    assert find_reason_to_wait(kyiv, at(0), MONDAY - 2 * HOUR - MINUTE)


def test_a_waiting_moment_runs_when_the_data_is_ready(catch_up):
    saved_query = fresh(catch_up="none")
    stale, ready = MONDAY - HOUR, MONDAY
    catch_up(saved_query, MONDAY, stale)
    waiting = [catch_up(saved_query, at(0) + minutes * MINUTE, stale) for minutes in range(0, 30, 4)]
    assert {tuple(plan.run) for plan in waiting} == {()}
    assert all("daily waits for data until" in plan.waiting[0] for plan in waiting)
    assert catch_up(saved_query, at(0) + 31 * MINUTE, ready).run == [at(0)]


@pytest.mark.parametrize("stale", ["fail", "send"])
def test_stale_decides_after_the_wait(database, catch_up, stale):
    saved_query = fresh(stale=stale, wait_at_most="2h")
    for minutes in range(0, 120, 4):
        assert catch_up(saved_query, at(0) + minutes * MINUTE, MONDAY - HOUR).run == []
    over = catch_up(saved_query, at(0, 9), MONDAY - HOUR)
    assert (over.run, over.fail_stale) == (([at(0)], []) if stale == "send" else ([], [at(0)]))
    failed = [(row.recipient, row.reply) for row in find_mail_records(database, state="failed")]
    assert len(failed) == (2 if stale == "fail" else 0)
    assert all("the data was not ready in time" in reply for _, reply in failed)
    assert catch_up(saved_query, at(0, 9) + HOUR, MONDAY - HOUR).fail_stale == []


def test_waiting_moments_are_not_missed(catch_up, record_mailed):
    """Moments that wait for late data are not missed. Moments of an outage are missed."""
    saved_query = fresh(schedule="0 * * * *", interval="this month")
    catch_up(saved_query, MONDAY - MINUTE, MONDAY - DAY)
    for minutes in range(0, 180, 4):
        catch_up(saved_query, MONDAY + minutes * MINUTE, MONDAY - DAY)
    ready = [MONDAY + hours * HOUR for hours in range(3)]
    assert catch_up(saved_query, MONDAY + 3 * HOUR - MINUTE, MONDAY + 3 * HOUR).run == ready
    for moment in ready:
        record_mailed(moment)
    back = catch_up(saved_query, MONDAY + 6 * HOUR + 10 * MINUTE, MONDAY + 7 * HOUR)
    assert back.skip == [MONDAY + hours * HOUR for hours in (3, 4, 5)]
    assert back.run == [MONDAY + 6 * HOUR]


def test_a_stale_report_has_a_note():
    assert describe_stale_data(fresh(), at(0), MONDAY) is None
    assert describe_stale_data(query(), at(0), MONDAY - DAY) is None
    assert describe_stale_data(fresh(zone="Europe/Kyiv"), at(0), MONDAY - DAY) == (
        "Not complete: the data reaches 2026-03-01 02:00:00+02:00; the report needs it until 2026-03-02 00:00:00+02:00."
    )
