"""A build: dbt changes the schema `marts`, then the report store is published.

dbt commits after each model. Reports read the store, so they see a complete build or nothing of it.
The next build finishes an interrupted one (docs/explanation/builds.md).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds import change_log, dbt_runner, ledger
from orchestration.builds.ledger import BuildFingerprint, PendingBuild
from orchestration.builds.lock import hold_source_lock
from orchestration.builds.store import publish, remove_old_files
from orchestration.errors import DynamicsError
from orchestration.progress import Progress
from orchestration.settings import settings


def build_marts(
    connection: Connection[TupleRow],
    *,
    state: Path,
    full_refresh: bool = False,
    progress: Progress | None = None,
) -> PendingBuild:
    """Bring the marts and the report store up to date with `billing`, and return the current build.

    If nothing has changed in `billing`, the current build stays. A load with a later `as_of` then
    adds a row to the ledger, and dbt does not run. dbt keeps its parsed project and its log in the
    folder `state`. Raise DynamicsError when `billing` is empty, or when a model or test fails.
    Reports then keep reading the last finished build.
    """
    with hold_source_lock(connection) as require_lock:
        connection.rollback()
        if not full_refresh:
            _finish_interrupted(connection, state, require_lock, progress)
            unchanged = ledger.reuse_current_build(connection, compute_fingerprint())
            if unchanged:
                return unchanged
        build = _start(connection, full_refresh=full_refresh)
        with _publish_and_finish(connection, build, require_lock, progress):
            dbt_runner.run(connection, build, state, progress=progress)
    return build


@contextmanager
def new_build(
    connection: Connection[TupleRow],
    *,
    state: Path | None = None,
    full_refresh: bool = False,
    progress: Progress | None = None,
) -> Iterator[PendingBuild]:
    """Start a build for a block that runs dbt itself, and make it current when the block succeeds.

    The block runs `dbt build` with `dbt_runner.build_arguments(build)`. The environment names the
    database and the build. An interrupted build is finished first, by dbt in this process. dbt
    keeps its files in the folder `state`, by default in the home.
    """
    with hold_source_lock(connection) as require_lock:
        connection.rollback()
        if not full_refresh:
            _finish_interrupted(connection, state or settings().home / "dbt", require_lock, progress)
        build = _start(connection, full_refresh=full_refresh)
        with (
            _publish_and_finish(connection, build, require_lock, progress),
            dbt_runner.set_profile_environment(connection, build),
        ):
            yield build


def compute_fingerprint() -> BuildFingerprint:
    """Return the fingerprint of builds with the present dbt project and settings."""
    return BuildFingerprint(project_hash=dbt_runner.hash_project(), base_currency=settings().base_currency)


def _start(connection: Connection[TupleRow], *, full_refresh: bool) -> PendingBuild:
    """Start an incremental build if that is possible and faster, otherwise a full build."""
    fingerprint = compute_fingerprint()
    is_full = (
        full_refresh
        or not ledger.can_build_incrementally(connection, fingerprint)
        or change_log.is_mostly_changed(connection, ledger.load_source_as_of(connection))
    )
    skipped = frozenset() if is_full else change_log.find_unchanged_models(connection)
    return ledger.start(connection, fingerprint, is_full=is_full, skipped_models=skipped)


def _finish_interrupted(
    connection: Connection[TupleRow],
    state: Path,
    require_lock: Callable[[], None],
    progress: Progress | None,
) -> None:
    """Finish the last build if it was interrupted and has already changed the marts."""
    build = ledger.find_interrupted(connection, compute_fingerprint())
    if build is None:
        return
    try:
        with _publish_and_finish(connection, build, require_lock, progress):
            if ledger.DBT_STEP not in build.skipped_models:
                dbt_runner.run(connection, build, state, progress=progress)
    except DynamicsError as error:
        raise DynamicsError(f"{error}; rebuild the marts with `dynamics build --full-refresh`") from error


@contextmanager
def _publish_and_finish(
    connection: Connection[TupleRow],
    build: PendingBuild,
    require_lock: Callable[[], None],
    progress: Progress | None,
) -> Iterator[None]:
    """Publish and finish the build when the block, which runs dbt, succeeds."""
    yield
    ledger.record_dbt_finished(connection, build)
    publish(connection, build.build_id, is_full=build.is_full, progress=progress)
    require_lock()
    ledger.finish(connection, build)
    remove_old_files(connection)
    connection.commit()
