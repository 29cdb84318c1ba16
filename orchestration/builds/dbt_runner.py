"""Runs dbt in this process."""

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

from orchestration.builds.ledger import PendingBuild
from orchestration.errors import DynamicsError
from orchestration.progress import Progress
from orchestration.resources import resource_folder

DBT_PROJECT = resource_folder("dbt_project")

_MODEL_FILES = ("dbt_project.yml", "macros", "models")
"""The parts of the project that the rows of the marts depend on."""

_PROJECT_FILES = (*_MODEL_FILES, "profiles.yml", "tests")
"""The parts of the project that its manifest depends on."""

_INCREMENTAL_TEST = "the_marts_add_up"

_manifests: dict[str, bytes] = {}
"""Pickled manifests by key. Each run unpickles its own copy, because dbt writes into it."""


def hash_project() -> str:
    """Return a hash of all files of the dbt project that the rows of the marts depend on."""
    return _hash_files(_MODEL_FILES)


@contextmanager
def set_profile_environment(connection: Connection[TupleRow], build: PendingBuild) -> Iterator[None]:
    """Set the variables that profiles.yml and the hooks read, until the block ends.

    dbt reads them from the environment of the process. No other variable is changed, because other
    threads read the environment at the same time.
    """
    dsn = conninfo_to_dict(connection.info.dsn)
    values = {
        "HOST": dsn.get("host", "localhost"),
        "PORT": dsn.get("port", 5432),
        "USER": dsn.get("user", connection.info.user),
        "PASSWORD": connection.info.password,
        "DATABASE": connection.info.dbname,
        "SSLMODE": dsn.get("sslmode", "prefer"),
        "BUILD_ID": build.build_id,
    }
    variables = {f"DYNAMICS_DBT_{key}": str(value) for key, value in values.items()}
    previous = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def build_arguments(build: PendingBuild) -> list[str]:
    """Return the arguments of `dbt build` that select a full or an incremental build."""
    return ["--full-refresh"] if build.is_full else []


def run(
    connection: Connection[TupleRow], build: PendingBuild, state: Path, *, progress: Progress | None
) -> None:
    """Run dbt for the build. Raise DynamicsError with the first model or test that failed.

    A full build runs all models and data tests. An incremental build runs the tables that it cannot
    skip, and one fast test; views stay as they are. dbt keeps the parsed project and its log in the
    folder `state`.
    """
    with _pause_garbage_collection(), set_profile_environment(connection, build):
        from dbt.cli.main import dbtRunner

        manifest = parse_project(connection.info.dbname, state)
        outcome = dbtRunner(manifest=manifest, callbacks=[_make_listener(progress)]).invoke(
            [
                *("--quiet", "--no-use-colors", "--log-level", "none", "--log-path", str(state / "logs")),
                *("--log-level-file", "info", "--no-write-json", "--no-version-check"),
                # The models of an incremental build do not use dbt's cache of relations.
                "--populate-cache" if build.is_full else "--no-populate-cache",
                "build",
                *_list_path_arguments(state),
                *build_arguments(build),
                *_select_resources(build, manifest),
            ]
        )
    if not outcome.success:
        raise DynamicsError(
            f"the build failed: {_describe_failure(outcome)};"
            f" reports still use the last finished build; see {state / 'logs' / 'dbt.log'}"
        )


def parse_project(database: str, state: Path) -> Any:
    """Return dbt's manifest of the project. Parse the project only if a file has changed.

    The manifest contains the name of the database. Raise DynamicsError when dbt cannot parse the
    project.
    """
    key = f"{_hash_files(_PROJECT_FILES)} {version('dbt-core')} {DBT_PROJECT} {database}"
    if key not in _manifests:
        _manifests[key] = _read_manifest(state / "manifest.pickle", key) or _parse_manifest(state, key)
    return pickle.loads(_manifests[key])  # noqa: S301 - this program has written the file into its own folder


@contextmanager
def _pause_garbage_collection() -> Iterator[None]:
    """Pause the garbage collector. dbt makes many objects, and most live to the end of the run."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


def _parse_manifest(state: Path, key: str) -> bytes:
    from dbt.cli.main import dbtRunner

    quiet = ("--quiet", "--no-use-colors", "--log-level", "none", "--log-path", str(state / "logs"))
    outcome = dbtRunner().invoke([*quiet, "--no-write-json", "parse", *_list_path_arguments(state)])
    if not outcome.success:
        raise DynamicsError(f"dbt cannot parse the project {DBT_PROJECT}: {_describe_failure(outcome)}")
    manifest: Any = outcome.result
    # dbt's own pickling mixes up these indexes. dbt builds them again when it needs them.
    for name in [name for name in vars(manifest) if name.endswith("_lookup")]:
        setattr(manifest, name, None)
    content = pickle.dumps(manifest)
    with suppress(OSError):  # without the file, the next process parses the project again
        draft = state / f"manifest.{os.getpid()}"
        draft.write_bytes(f"{key} {_hash_bytes(content)}\n".encode() + content)
        draft.replace(state / "manifest.pickle")
    return content


def _read_manifest(path: Path, key: str) -> bytes | None:
    """Return the pickled manifest in the file, or None if it has another key or is damaged."""
    with suppress(OSError):
        head, _, content = path.read_bytes().partition(b"\n")
        if head == f"{key} {_hash_bytes(content)}".encode():
            return content
    return None


def _hash_bytes(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _select_resources(build: PendingBuild, manifest: Any) -> list[str]:
    if build.is_full:
        return ["--exclude-resource-types", "unit_test", "exposure"]
    models = [
        node.name
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and node.config.materialized != "view"
        and node.name not in build.skipped_models
    ]
    return ["--indirect-selection", "empty", "--select", *models, _INCREMENTAL_TEST]


def _make_listener(progress: Progress | None) -> Callable[[Any], None]:
    """Return a listener that reports each finished step. dbt calls it from several threads."""
    lock = Lock()

    def on_event(event: Any) -> None:
        if progress and event.info.name == "NodeFinished":
            with lock:
                progress(event.data.node_info.node_name, 0, 0)

    return on_event


def _list_path_arguments(state: Path) -> list[str]:
    project = ("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT))
    return [*project, "--target-path", str(state / "target")]


def _describe_failure(outcome: Any) -> str:
    """Return the first failed model or test and its message, on one line."""
    failures = [
        f"{result.node.name}: {' '.join(str(result.message).split())}"
        for result in getattr(outcome.result, "results", None) or []
        if str(result.status) in ("error", "fail", "runtime error")
    ]
    return failures[0] if failures else " ".join(str(outcome.exception).split())


def _hash_files(parts: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        path = DBT_PROJECT / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".md":
                digest.update(file.relative_to(DBT_PROJECT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()
