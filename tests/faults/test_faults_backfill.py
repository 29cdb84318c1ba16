"""Sixty months of three saved queries, made by `dynamics backfill` in processes of which two are killed."""

import os
import random
import signal
import subprocess
import sys
import time

import pytest
from mail_servers import Server

from orchestration import database as database_room
from orchestration.builds import build_marts
from orchestration.source import ensure_schema, load, write_sample

NAMES = ("months", "tagged", "euros")
QUERIES = ("{interval: previous month}", "{interval: previous month, client_tags: [vip]}", "{interval: previous year, currency: EUR}")  # fmt: skip
MONTHS = 60


@pytest.fixture(scope="module")
def command(plant, tmp_path_factory):
    """The command line of a project with three saved queries, marts, and a mail server that nobody should meet."""
    folder = tmp_path_factory.mktemp("backfill")
    write_sample(folder / "extract", clients=20, months=62, seed=1)
    with database_room.connect(plant.database_url) as connection:
        ensure_schema(connection)
        load(connection, folder / "extract", base_currency="USD")
        build_marts(connection, state=folder)
    templates = folder / "report_templates"
    templates.mkdir()
    for name, query in zip(NAMES, QUERIES, strict=True):
        (templates / f"{name}.yaml").write_text(
            f'title: {name}\nquery: {query}\ndelivery: {{schedule: "0 7 1 * *", send_to: [a@example.com]}}\n'
        )
    server = Server()
    server.start()
    environment = os.environ | plant.environment
    environment |= {"DYNAMICS_TEMPLATES": str(templates), "DYNAMICS_SMTP_URL": server.mailbox.url}

    def begin(name, *options, since="2021-09-01T00:00Z"):
        words = ["backfill", name, "--from", since, "--to", "2026-08-31T00:00Z", *options]
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *words],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    begin.mailbox = server.mailbox
    yield begin
    server.stop()


def test_a_backfill_that_is_killed_twice_ends_with_every_snapshot_once_and_no_mail(plant, command):
    chance = random.Random(180)
    for name, stop_after in zip(NAMES, (chance.randint(1, 30), chance.randint(31, 58), None), strict=True):
        if stop_after:
            with command(name) as killed:
                for _ in range(stop_after):
                    assert killed.stdout.readline()
                time.sleep(chance.uniform(0, 0.1))
                killed.send_signal(signal.SIGKILL)
                told = stop_after + len(killed.stdout.readlines())
            assert killed.returncode == -signal.SIGKILL
            assert told < MONTHS
        with command(name) as whole:
            lines = whole.stdout.read().splitlines()
        assert whole.returncode == 0
        assert len(lines) == MONTHS
        assert all("/view?id=" in line for line in lines)

    with database_room.connect(plant.database_url) as connection:
        made = connection.execute(
            "select saved_query, count(distinct scheduled_at), count(distinct snapshot_id)"
            " from dynamics.occurrences join dynamics.snapshots s using (snapshot_id, saved_query) group by saved_query"
        ).fetchall()
        ((known,),) = connection.execute("select count(*) from dynamics.snapshots").fetchall()
        ((mails,),) = connection.execute("select count(*) from dynamics.deliveries").fetchall()
    assert sorted(made) == sorted((name, MONTHS, MONTHS) for name in NAMES)
    assert known == len(set(plant.manifests())) == len(plant.manifests()) == 3 * MONTHS
    assert (mails, command.mailbox.connections) == (0, 0)


def test_what_is_made_again_and_killed_goes_on_where_it_was(plant, command):
    def editions():
        with database_room.connect(plant.database_url) as connection:
            return connection.execute(
                "select max(edition), count(*) from dynamics.occurrences join dynamics.snapshots using (snapshot_id)"
                " where occurrences.saved_query = 'months' and scheduled_at >= '2026-01-01' group by scheduled_at order by scheduled_at"
            ).fetchall()

    def run(*options, lines=None):
        with command("months", *options, since="2026-01-01T00:00Z") as process:
            for _ in range(lines or 0):
                assert process.stdout.readline()
            if lines:
                process.send_signal(signal.SIGKILL)
            rest = process.stdout.read()
        assert process.returncode == (-signal.SIGKILL if lines else 0)
        return rest

    run()
    run("--again", lines=3)
    run("--again")
    assert editions() == [(2, 2)] * 8
    run()
    assert editions() == [(2, 2)] * 8
    run("--again")
    assert editions() == [(3, 3)] * 8
