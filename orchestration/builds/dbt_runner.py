"""dbt in this process."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from psycopg import Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import TupleRow

from orchestration.builds.ledger import PendingBuild, Progress
from orchestration.errors import DynamicsError
from orchestration.settings import PROJECT_ROOT

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

_TEST_OF_INCREMENTAL_BUILDS = "the_marts_add_up"


def project_hash() -> str:
    """Return a hash of everything in the dbt project that the rows of the marts depend on."""
    digest = hashlib.sha256()
    for folder in ("dbt_project.yml", "macros", "models"):
        for path in sorted((DBT_PROJECT / folder).rglob("*")) or [DBT_PROJECT / folder]:
            if path.is_file() and path.suffix != ".md":
                digest.update(path.relative_to(DBT_PROJECT).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


@contextmanager
def profile_environment(connection: Connection[TupleRow], build: PendingBuild) -> Iterator[None]:
    """Set the variables that profiles.yml and the hooks read, for dbt in this process or one that it starts."""
    known = conninfo_to_dict(connection.info.dsn)
    values = {
        "HOST": known.get("host", "localhost"),
        "PORT": known.get("port", 5432),
        "USER": known.get("user", connection.info.user),
        "PASSWORD": connection.info.password,
        "DATABASE": connection.info.dbname,
        "SSLMODE": known.get("sslmode", "prefer"),
        "BUILD_ID": build.build_id,
    }
    variables = {f"DYNAMICS_DBT_{key}": str(value) for key, value in values.items()}
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def build_arguments(build: PendingBuild) -> list[str]:
    """Return the arguments of `dbt build` that depend on the kind of build."""
    if build.is_full:
        return ["--full-refresh"]
    return []


def run(
    connection: Connection[TupleRow], build: PendingBuild, state: Path, *, progress: Progress | None
) -> None:
    """Run dbt for the build. Raises DynamicsError with the first model or test that failed.

    dbt keeps what it has parsed, and its log, in the folder `state`.
    """
    from dbt.cli.main import dbtRunner

    one_at_a_time = Lock()

    def on_event(event: Any) -> None:
        if progress and event.info.name == "NodeFinished":
            with one_at_a_time:
                progress(event.data.node_info.node_name)

    arguments = [
        *("--quiet", "--no-use-colors", "--log-level", "none", "--log-path", str(state / "logs"), "build"),
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--target-path", str(state / "target"), "--exclude-resource-types", "unit_test", "exposure"),
        *build_arguments(build),
    ]
    if not build.is_full:
        arguments += ["--exclude", "config.materialized:view", *sorted(build.finished_steps)]
    with profile_environment(connection, build):
        outcome = dbtRunner(callbacks=[on_event]).invoke(arguments)
    if outcome.success:
        return
    problems = [
        f"{result.node.name}: {' '.join(str(result.message).split())}"
        for result in getattr(outcome.result, "results", None) or []
        if str(result.status) in ("error", "fail", "runtime error")
    ]
    reason = problems[0] if problems else " ".join(str(outcome.exception).split())
    raise DynamicsError(
        f"the build failed, the last one stays in use: {reason}; see {state / 'logs' / 'dbt.log'}"
    )
