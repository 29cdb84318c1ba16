"""Backfills that are killed: sixty months of three saved queries in separate processes."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
from mail_servers import Mailbox, MailServer

from orchestration.builds import build_marts
from orchestration.db import database as database_module
from orchestration.source import ensure_schema, load, write_sample

QUERIES = {
    "months": "{interval: previous month}",
    "tagged": "{interval: previous month, client_tags: [vip]}",
    "euros": "{interval: previous year, currency: EUR}",
}
MONTHS = 60


class BackfillStarter(NamedTuple):
    """Starts `dynamics backfill` in a process."""

    start: Callable[..., subprocess.Popen]
    mailbox: Mailbox


@pytest.fixture(scope="module")
def backfills(services, tmp_path_factory):
    """Return the start of `dynamics backfill`, and the mailbox that must stay empty."""
    folder = tmp_path_factory.mktemp("backfill")
    write_sample(folder / "extract", clients=20, months=62, seed=1)
    with database_module.connect(services.database_url) as connection:
        ensure_schema(connection)
        load(connection, folder / "extract", base_currency="USD")
        build_marts(connection, state=folder)
    templates = folder / "report_templates"
    templates.mkdir()
    for name, query in QUERIES.items():
        (templates / f"{name}.yaml").write_text(
            f'title: {name}\nquery: {query}\ndelivery: {{schedule: "0 7 1 * *", send_to: [a@example.com]}}\n'
        )
    server = MailServer()
    server.start()
    environment = os.environ | services.environment
    environment |= {"DYNAMICS_TEMPLATES": str(templates), "DYNAMICS_SMTP_URL": server.mailbox.url}

    def start(name, *options, since="2021-09-01T00:00Z"):
        arguments = ["backfill", name, "--from", since, "--to", "2026-08-31T00:00Z", *options]
        return subprocess.Popen(
            [sys.executable, "-m", "orchestration.cli", *arguments],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
        )

    yield BackfillStarter(start, server.mailbox)
    server.stop()


def test_killed_backfills_resume_and_send_no_mail(services, backfills):
    """Two of three backfills are killed. Every snapshot exists once at the end."""
    random_source = random.Random(180)
    kill_after = (random_source.randint(1, 30), random_source.randint(31, 58), None)
    for name, line_count in zip(QUERIES, kill_after, strict=True):
        if line_count:
            with backfills.start(name) as killed:
                for _ in range(line_count):
                    assert killed.stdout.readline()
                killed.send_signal(signal.SIGKILL)
                done = line_count + len(killed.stdout.readlines())
            assert killed.returncode == -signal.SIGKILL
            assert done < MONTHS
        with backfills.start(name) as process:
            lines = process.stdout.read().splitlines()
        assert process.returncode == 0
        assert len(lines) == MONTHS
        assert all("/view?id=" in line for line in lines)

    with database_module.connect(services.database_url) as connection:
        counts = connection.execute(
            "select saved_query, count(distinct scheduled_at), count(distinct snapshot_id)"
            " from dynamics.occurrences join dynamics.snapshots s using (snapshot_id, saved_query) group by saved_query"
        ).fetchall()
        ((snapshot_count,),) = connection.execute("select count(*) from dynamics.snapshots").fetchall()
        ((mail_count,),) = connection.execute("select count(*) from dynamics.deliveries").fetchall()
    assert sorted(counts) == sorted((name, MONTHS, MONTHS) for name in QUERIES)
    manifests = services.list_manifests()
    assert snapshot_count == len(set(manifests)) == len(manifests) == 3 * MONTHS
    assert (mail_count, backfills.mailbox.connection_count) == (0, 0)


def test_a_killed_backfill_with_again_resumes(services, backfills):
    def load_editions():
        with database_module.connect(services.database_url) as connection:
            return connection.execute(
                "select max(edition), count(*) from dynamics.occurrences join dynamics.snapshots using (snapshot_id)"
                " where occurrences.saved_query = 'months' and scheduled_at >= '2026-01-01' group by scheduled_at order by scheduled_at"
            ).fetchall()

    def run(*options, kill_after=None):
        with backfills.start("months", *options, since="2026-01-01T00:00Z") as process:
            for _ in range(kill_after or 0):
                assert process.stdout.readline()
            if kill_after:
                process.send_signal(signal.SIGKILL)
            process.stdout.read()
        assert process.returncode == (-signal.SIGKILL if kill_after else 0)

    run()
    run("--again", kill_after=3)
    run("--again")
    assert load_editions() == [(2, 2)] * 8
    run()
    assert load_editions() == [(2, 2)] * 8
    run("--again")
    assert load_editions() == [(3, 3)] * 8
