"""The marts as Dagster assets: all dbt models as one computation, and the report store."""

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
"""The published build, which all reports read.

It is one asset, because Dagster looks up every upstream asset of a step.
"""


class _FolderGroups(DagsterDbtTranslator):
    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Return the folder of a model, such as staging or marts, or `billing` for a source."""
        return str(dbt_resource_props["fqn"][1])


def prepare_manifest() -> Path:
    """Return the path of dbt's manifest, from which Dagster reads the models.

    Parse the project again if a file has changed. If dbt cannot parse it, log an error and use the
    last manifest, so that a mistake in the project does not stop the reports.
    """
    state = _prepare_state_folder()
    manifest = state / "manifest.json"
    # Folders are included, because a deleted file changes only the time of its folder.
    parts = (
        DBT_PROJECT / "dbt_project.yml",
        *(path for folder in ("models", "macros", "tests") for path in (DBT_PROJECT / folder).rglob("*")),
    )
    if not manifest.exists() or manifest.stat().st_mtime < max(path.stat().st_mtime for path in parts):
        from dbt.cli.main import dbtRunner

        # Parse into a temporary folder, because another process can parse the project now too.
        with tempfile.TemporaryDirectory(dir=state) as folder:
            paths = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
            outcome = dbtRunner().invoke(
                ["--quiet", "--log-path", folder, "parse", *paths, "--target-path", folder]
            )
            if outcome.success:
                (Path(folder) / "manifest.json").replace(manifest)
            elif manifest.exists():
                dg.get_dagster_logger().error(
                    "dbt cannot parse the project, the last manifest is used: %s", outcome.exception
                )
            else:
                raise dg.DagsterInvalidDefinitionError(f"dbt cannot parse the project: {outcome.exception}")
    return manifest


def build_marts_assets() -> dg.AssetsDefinition:
    """Return all dbt models as one computation, with its tests as asset checks."""

    @dbt_assets(
        manifest=prepare_manifest(),
        name="marts",
        exclude="resource_type:unit_test",
        dagster_dbt_translator=_FolderGroups(DagsterDbtTranslatorSettings(enable_asset_checks=True)),
        pool="warehouse",
    )
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        # A build replaces all models together, and the report store is published from all of them.
        if context.is_subset:
            raise dg.Failure("the marts are built together: materialize all of them, or run `dynamics build`")

        def log_step(step: str, _done: int, _total: int) -> None:
            context.log.debug(step)

        with database() as connection, new_build(connection, progress=log_step) as build:
            context.log.info("build %s, full: %s, as of %s", build.build_id, build.is_full, build.as_of)
            yield from dbt.cli(
                ["build", *build_arguments(build)],
                context=context,
                target_path=_prepare_state_folder() / "target",
            ).stream()
        # The store is published when the block above ends.
        yield dg.AssetMaterialization(
            REPORT_STORE, metadata={"build": build.build_id, "as of": dg.MetadataValue.timestamp(build.as_of)}
        )

    return marts


def build_report_store_asset() -> dg.AssetSpec:
    """Return the asset of the published build. A run of the marts materializes it."""
    return dg.AssetSpec(
        REPORT_STORE,
        deps=MARTS,
        description="The build that reports read. A run of the marts publishes it.",
        group_name="marts",
        kinds={"duckdb"},
    )


def build_dbt_resource() -> DbtCliResource:
    """Return the dbt resource, which runs the dbt of this Python environment."""
    return DbtCliResource(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )


def _prepare_state_folder() -> Path:
    """Return the folder of dbt's state for Dagster. Each home has its own."""
    folder = settings().home / "dbt" / "dagster"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
