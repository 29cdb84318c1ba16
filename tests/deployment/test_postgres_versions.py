"""The main job on each supported Postgres, as the role that docs/how-to/own-database.md creates."""

import csv
import re
import secrets

import databases
import psycopg
import pytest
from cli_harness import GOLDEN, GOLDEN_QUERY, CliHarness
from postgres_servers import find_postgres_16, find_postgres_17, run_server

from orchestration.resources import PROJECT_ROOT
from orchestration.settings import settings
from orchestration.source.schema import DDL

GUIDE = (PROJECT_ROOT / "docs/how-to/own-database.md").read_text(encoding="utf-8")
RIGHTS, CHANGE_CAPTURE = re.findall(r"^```sql\n(.*?)```", GUIDE, flags=re.DOTALL | re.MULTILINE)
TABLES = ("clients", "client_tags", "packages", "transactions", "exchange_rates")


@pytest.fixture(scope="module", params=[16, 17, 18])
def superuser_url(request):
    """Return the URL of a superuser on a server of this version."""
    if request.param == 18:
        yield request.getfixturevalue("server_url")
        return
    folder = {16: find_postgres_16, 17: find_postgres_17}[request.param]()
    if folder is None:
        pytest.skip(f"no programs of Postgres {request.param}")
    with run_server(folder) as url, psycopg.connect(url) as connection:
        assert connection.info.server_version // 10_000 == request.param
        yield url


def change_user(url, user):
    """Return the URL for another user of the same database."""
    return url.replace("//postgres@", f"//{user}@")


def execute(url, script):
    """Execute a script of statements, each in its own transaction."""
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in script.split(";\n"):
            if statement.strip():
                connection.execute(statement)


def fill_billing(url):
    """Create the tables of `billing` and copy the golden extract into them."""
    with psycopg.connect(url) as connection:
        connection.execute(DDL.read_bytes())
        for table in TABLES:
            content = (GOLDEN / "source" / f"{table}.csv").read_text(encoding="utf-8")
            columns = ", ".join(next(csv.reader(content.splitlines())))
            statement = f"copy billing.{table} ({columns}) from stdin (format csv, header)"
            with connection.cursor().copy(statement) as copy:
                copy.write(content)


@pytest.fixture
def roles(superuser_url):
    """Return the URLs of the pipeline and of the product, each with the documented rights only."""
    suffix = secrets.token_hex(4)
    with databases.fresh(superuser_url, "template0") as url:
        name = url.partition("?")[0].rpartition("/")[2]
        names = {"pipeline": f"pipeline_{suffix}", "dynamics": f"dynamics_{suffix}"}

        def adapt(script):
            script = script.replace("billing_copy", name).replace(
                "role dynamics", f"role {names['dynamics']}"
            )
            for role, full_name in names.items():
                script = re.sub(rf"\bto {role};", f"to {full_name};", script)
            return script

        execute(
            url,
            f"create role {names['pipeline']} login;\ngrant create on database {name} to {names['pipeline']}",
        )
        fill_billing(change_user(url, names["pipeline"]))
        execute(url, adapt(RIGHTS))
        urls = {role: change_user(url, full_name) for role, full_name in names.items()}
        yield urls, adapt
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for full_name in names.values():
            connection.execute(f"drop role {full_name}")


@pytest.fixture
def cli(monkeypatch, home, roles, tmp_path):
    """Return the command line as the role `dynamics`."""
    yield CliHarness(monkeypatch, home, roles[0]["dynamics"], tmp_path)
    settings.cache_clear()


def query_rows(cli):
    """Return the rows of the golden query, computed now."""
    assert cli("query", *GOLDEN_QUERY, "--file", "report.csv").code == 0
    return read_rows(cli.folder / "report.csv")


def read_rows(path):
    """Return the rows of a CSV file, with or without a byte order mark."""
    return list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))


@pytest.fixture
def monthly_to_finance():
    """Return a saved query of the golden year with one recipient."""
    return (
        "title: Monthly\n"
        "query: {interval: {from: 2018-01-01, to: 2018-12-31}, group_by: [month]}\n"
        'delivery: {schedule: "0 7 1 * *", send_to: [finance@example.com]}\n'
    )


def test_documented_rights_are_enough_for_the_main_job(cli, roles, monthly_to_finance):
    urls, adapt = roles
    assert cli("build").code == 0
    as_pipeline, as_dynamics = CHANGE_CAPTURE.split("-- as dynamics\n")
    execute(urls["pipeline"], adapt(as_pipeline))
    execute(urls["dynamics"], adapt(as_dynamics))
    assert cli("build").code == 0
    assert query_rows(cli) == read_rows(GOLDEN / "expected.csv")

    with psycopg.connect(urls["pipeline"]) as pipeline:
        pipeline.execute("update billing.transactions set amount = amount + 1 where transaction_id = 't2'")
    assert cli("build").code == 0
    refills = next(row for row in query_rows(cli) if row[:2] == ["Balance Refill", "Total"])
    assert "126.00" in refills

    cli.saved_query("monthly", monthly_to_finance)
    for words in (["deliver", "monthly"], ["snapshots", "verify"], ["check"]):
        assert cli(*words).code == 0
    assert [mail["To"] for mail in cli.mails()] == ["finance@example.com"]
