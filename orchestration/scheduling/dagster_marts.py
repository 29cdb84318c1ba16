"""The dbt project as Dagster assets."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.builds import DBT_PROJECT, new_build
from orchestration.builds.dbt_runner import build_arguments
from orchestration.connections import database
from orchestration.settings import settings

MARTS = [dg.AssetKey(path.stem) for path in sorted((DBT_PROJECT / "models" / "marts").glob("*.sql"))]

REPORT_STORE = dg.AssetKey("report_store")
"""The published build, which all reports read. One asset, because Dagster looks up each upstream asset of a step."""


class _Rooms(DagsterDbtTranslator):
    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The folder of the model: staging, intermediate or marts; `billing` for the source."""
        return str(dbt_resource_props["fqn"][1])


def manifest_path() -> Path:
    """The manifest of dbt, parsed anew when the project changed since: Dagster reads the models' names from it.

    A project that does not parse, because somebody is at work on it, stops no report: the last manifest counts then.
    """
    state = _state()
    manifest = state / "manifest.json"
    # The folders too: they tell of a file that was removed.
    parts = (
        DBT_PROJECT / "dbt_project.yml",
        *(path for folder in ("models", "macros", "tests") for path in (DBT_PROJECT / folder).rglob("*")),
    )
    if not manifest.exists() or manifest.stat().st_mtime < max(path.stat().st_mtime for path in parts):
        from dbt.cli.main import dbtRunner

        # Beside its place and then there at once: the scheduler and a command may both do this.
        with tempfile.TemporaryDirectory(dir=state) as folder:
            paths = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
            outcome = dbtRunner().invoke(
                ["--quiet", "--log-path", folder, "parse", *paths, "--target-path", folder]
            )
            if outcome.success:
                (Path(folder) / "manifest.json").replace(manifest)
            elif manifest.exists():
                dg.get_dagster_logger().error(
                    "dbt cannot parse the project, the last one counts: %s", outcome.exception
                )
            else:
                raise dg.DagsterInvalidDefinitionError(f"dbt cannot parse the project: {outcome.exception}")
    return manifest


def marts_assets() -> dg.AssetsDefinition:
    """Return all dbt models as one computation, with its tests as asset checks."""

    @dbt_assets(
        manifest=manifest_path(),
        name="marts",
        exclude="resource_type:unit_test",
        dagster_dbt_translator=_Rooms(DagsterDbtTranslatorSettings(enable_asset_checks=True)),
        pool="warehouse",
    )
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        # The models of a build change the marts together, and the store is published from all of them.
        if context.is_subset:
            raise dg.Failure("the marts are built together: materialize all of them, or run `dynamics build`")
        with database() as connection, new_build(connection, progress=context.log.debug) as build:
            context.log.info("build %s, full: %s, as of %s", build.build_id, build.is_full, build.as_of)
            yield from dbt.cli(
                ["build", *build_arguments(build)], context=context, target_path=_state() / "target"
            ).stream()
        # The store is published when the block above ends.
        yield dg.AssetMaterialization(
            REPORT_STORE, metadata={"build": build.build_id, "as of": dg.MetadataValue.timestamp(build.as_of)}
        )

    return marts


def report_store() -> dg.AssetSpec:
    """Return the asset of the published build. A run of the marts materializes it. It has no run of its own."""
    return dg.AssetSpec(
        REPORT_STORE,
        deps=MARTS,
        description="The build that reports read. A run of the marts publishes it.",
        group_name="marts",
        kinds={"duckdb"},
    )


def dbt_resource() -> DbtCliResource:
    """The dbt of this environment."""
    return DbtCliResource(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )


def _state() -> Path:
    """Where dbt keeps what it needs for Dagster: in the home, so that two homes do not meet in the project's folder."""
    folder = settings().home / "dbt" / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
