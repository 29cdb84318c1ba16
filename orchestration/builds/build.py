"""A build: dbt changes the schema `marts`, then the report store is published.

dbt commits model by model. Reports read the store, so they see all of a build or nothing. A build
that was interrupted is finished by the next one (docs/decisions.md, "Builds").
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds import change_log, dbt_runner, ledger
from orchestration.builds.ledger import Origin, PendingBuild, Progress
from orchestration.builds.lock import source_lock
from orchestration.builds.store import clean, publish
from orchestration.errors import DynamicsError
from orchestration.settings import settings


def build_marts(
    connection: Connection[TupleRow],
    *,
    state: Path,
    full_refresh: bool = False,
    progress: Progress | None = None,
) -> PendingBuild:
    """Bring the marts up to date with `billing` and make them current.

    When nothing has changed, return the current build; only its `as_of` follows the last load. dbt
    keeps its parsed project and its log in the folder `state`. Raises DynamicsError when nothing
    was loaded, and when a model or test fails: reports then still read the last build.
    """
    with source_lock(connection) as require_held:
        connection.rollback()
        if not full_refresh:
            _finish_interrupted(connection, state, require_held, progress)
            renewed = ledger.renew(connection, _origin())
            if renewed:
                return renewed
        build = _start(connection, full_refresh=full_refresh)
        with _completed(connection, build, require_held, progress):
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
    """Start a build, and make it current if the block succeeds. The block runs dbt.

    It runs `dbt build` with `dbt_runner.build_arguments(build)`; the environment names the database
    and the build. A build that was interrupted is finished first, by dbt in this process with its
    files in the folder `state`.
    """
    with source_lock(connection) as require_held:
        connection.rollback()
        if not full_refresh:
            _finish_interrupted(connection, state or settings().home / "dbt", require_held, progress)
        build = _start(connection, full_refresh=full_refresh)
        with (
            _completed(connection, build, require_held, progress),
            dbt_runner.profile_environment(connection, build),
        ):
            yield build


def _origin() -> Origin:
    return Origin(models=dbt_runner.project_hash(), base_currency=settings().base_currency)


def _start(connection: Connection[TupleRow], *, full_refresh: bool) -> PendingBuild:
    """Start an incremental build when the marts allow it and it is faster, otherwise a full one."""
    origin = _origin()
    is_full = (
        full_refresh
        or not ledger.can_be_changed_in_place(connection, origin)
        or change_log.is_mostly_changed(connection, ledger.as_of(connection))
    )
    skipped = frozenset() if is_full else change_log.unchanged_models(connection)
    return ledger.start(connection, origin, is_full=is_full, skipped_models=skipped)


def _finish_interrupted(
    connection: Connection[TupleRow],
    state: Path,
    require_held: Callable[[], None],
    progress: Progress | None,
) -> None:
    """Finish the last build if it was interrupted after it had changed the marts."""
    build = ledger.interrupted(connection, _origin())
    if build is None:
        return
    try:
        with _completed(connection, build, require_held, progress):
            if ledger.DBT_STEP not in build.skipped_models:
                dbt_runner.run(connection, build, state, progress=progress)
    except DynamicsError as error:
        raise DynamicsError(f"{error}; `dynamics build --full-refresh` rebuilds the marts") from error


@contextmanager
def _completed(
    connection: Connection[TupleRow],
    build: PendingBuild,
    require_held: Callable[[], None],
    progress: Progress | None,
) -> Iterator[None]:
    """Publish and finish the build when the block, which runs dbt, succeeds."""
    yield
    ledger.record_dbt(connection, build)
    publish(connection, build.build_id, is_full=build.is_full, progress=progress)
    require_held()
    ledger.finish(connection, build)
    clean(connection)
    connection.commit()
