"""dbt in this process."""

import gc
import hashlib
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
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

_ROWS_DEPEND_ON = ("dbt_project.yml", "macros", "models")
_MANIFEST_DEPENDS_ON = (*_ROWS_DEPEND_ON, "profiles.yml", "tests")

_TEST_OF_INCREMENTAL_BUILDS = "the_marts_add_up"

_manifests: dict[str, bytes] = {}
"""Parsed projects, pickled, by their key. Each run gets a copy, because dbt writes into it."""


def project_hash() -> str:
    """Return a hash of all files of the dbt project that the rows of the marts depend on."""
    return _hash_of(_ROWS_DEPEND_ON)


@contextmanager
def profile_environment(connection: Connection[TupleRow], build: PendingBuild) -> Iterator[None]:
    """Set the variables that profiles.yml and the hooks read, for this process and its children."""
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
    """Return the arguments of `dbt build` that make it a full or an incremental one."""
    return ["--full-refresh"] if build.is_full else []


def run(
    connection: Connection[TupleRow], build: PendingBuild, state: Path, *, progress: Progress | None
) -> None:
    """Run dbt for the build. Raises DynamicsError that names the first model or test that failed.

    A full build runs all models and data tests. An incremental build runs the tables that it cannot
    skip, and one cheap test; views stay as they are. The parsed project and dbt's log are kept in
    the folder `state`.
    """
    with _without_garbage_collection(), profile_environment(connection, build):
        from dbt.cli.main import dbtRunner

        manifest = parsed_project(connection.info.dbname, state)
        outcome = dbtRunner(manifest=manifest, callbacks=[_reporter(progress)]).invoke(
            [
                *("--quiet", "--no-use-colors", "--log-level", "none", "--log-path", str(state / "logs")),
                *("--log-level-file", "info", "--no-write-json", "--no-version-check"),
                # In-place models ask nothing of dbt's cache of relations. A full build needs it.
                "--populate-cache" if build.is_full else "--no-populate-cache",
                "build",
                *_paths(state),
                *build_arguments(build),
                *_selection(build, manifest),
            ]
        )
    if not outcome.success:
        raise DynamicsError(
            f"the build failed, the last one stays in use: {_reason(outcome)}; see {state / 'logs' / 'dbt.log'}"
        )


def parsed_project(database: str, state: Path) -> Any:
    """Return dbt's manifest of the project. Parse it only when a file has changed.

    The names of relations in it contain the name of the database. Raises DynamicsError when the
    project does not parse.
    """
    key = f"{_hash_of(_MANIFEST_DEPENDS_ON)} {version('dbt-core')} {DBT_PROJECT} {database}"
    if key not in _manifests:
        _manifests[key] = _read(state / "manifest.pickle", key) or _parse(state, key)
    return pickle.loads(_manifests[key])  # noqa: S301 - written by this program into its own folder


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector. Most of dbt's many objects live to the end of the run."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


def _parse(state: Path, key: str) -> bytes:
    from dbt.cli.main import dbtRunner

    quiet = ("--quiet", "--no-use-colors", "--log-level", "none", "--log-path", str(state / "logs"))
    outcome = dbtRunner().invoke([*quiet, "--no-write-json", "parse", *_paths(state)])
    if not outcome.success:
        raise DynamicsError(f"the dbt project does not parse: {_reason(outcome)}")
    manifest: Any = outcome.result
    # dbt makes these indexes when it needs them. Its own pickling mixes them up.
    for name in [name for name in vars(manifest) if name.endswith("_lookup")]:
        setattr(manifest, name, None)
    content = pickle.dumps(manifest)
    with suppress(OSError):  # the next process parses again
        draft = state / f"manifest.{os.getpid()}"
        draft.write_bytes(f"{key} {_checksum(content)}\n".encode() + content)
        draft.replace(state / "manifest.pickle")
    return content


def _read(path: Path, key: str) -> bytes | None:
    """Return the pickled manifest in the file if it is of that key and complete."""
    with suppress(OSError):
        head, _, content = path.read_bytes().partition(b"\n")
        if head == f"{key} {_checksum(content)}".encode():
            return content
    return None


def _checksum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _selection(build: PendingBuild, manifest: Any) -> list[str]:
    if build.is_full:
        return ["--exclude-resource-types", "unit_test", "exposure"]
    models = [
        node.name
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and node.config.materialized != "view"
        and node.name not in build.skipped_models
    ]
    return ["--indirect-selection", "empty", "--select", *models, _TEST_OF_INCREMENTAL_BUILDS]


def _reporter(progress: Progress | None) -> Callable[[Any], None]:
    """Return a listener that passes on the names of finished steps. dbt has several threads."""
    one_at_a_time = Lock()

    def on_event(event: Any) -> None:
        if progress and event.info.name == "NodeFinished":
            with one_at_a_time:
                progress(event.data.node_info.node_name)

    return on_event


def _paths(state: Path) -> list[str]:
    project = ("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT))
    return [*project, "--target-path", str(state / "target")]


def _reason(outcome: Any) -> str:
    problems = [
        f"{result.node.name}: {' '.join(str(result.message).split())}"
        for result in getattr(outcome.result, "results", None) or []
        if str(result.status) in ("error", "fail", "runtime error")
    ]
    return problems[0] if problems else " ".join(str(outcome.exception).split())


def _hash_of(parts: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        path = DBT_PROJECT / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".md":
                digest.update(file.relative_to(DBT_PROJECT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
