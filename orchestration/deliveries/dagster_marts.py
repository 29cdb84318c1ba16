"""The dbt project as Dagster assets."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets

from orchestration.build import DBT_PROJECT, new_build
from orchestration.connections import database
from orchestration.settings import settings


def manifest_path() -> Path:
    """dbt's manifest, parsed anew when a model changed since: Dagster reads the models' names from it."""
    state = settings().home / "dbt" / "target"
    manifest = state / "manifest.json"
    newest = max(path.stat().st_mtime for path in DBT_PROJECT.rglob("*") if path.is_file())
    if not manifest.exists() or manifest.stat().st_mtime < newest:
        from dbt.cli.main import dbtRunner

        folders = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
        logs = ["--log-path", str(settings().home / "dbt" / "logs")]
        outcome = dbtRunner().invoke(["--quiet", *logs, "parse", *folders, "--target-path", str(state)])
        if not outcome.success:
            raise dg.DagsterInvalidDefinitionError(f"dbt cannot parse the project: {outcome.exception}")
    return manifest


def marts_assets() -> dg.AssetsDefinition:
    """All dbt models as one computation, its tests as asset checks."""

    @dbt_assets(
        manifest=manifest_path(),
        name="marts",
        exclude="resource_type:unit_test",
        dagster_dbt_translator=DagsterDbtTranslator(DagsterDbtTranslatorSettings(enable_asset_checks=True)),
        pool="warehouse",
    )
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
        # A build fills a schema of its own and is published whole, so that a part of it would be no build.
        if context.is_subset:
            raise dg.Failure("the marts are built together: materialize all of them, or run `dynamics build`")
        with database() as connection, new_build(connection) as build:
            context.log.info("build %s goes to %s, as of %s", build.build_id, build.schema, build.as_of)
            yield from dbt.cli(["build"], context=context).stream()

    return marts


def dbt_resource() -> DbtCliResource:
    """dbt as this environment has it."""
    return DbtCliResource(
        project_dir=str(DBT_PROJECT),
        profiles_dir=str(DBT_PROJECT),
        dbt_executable=str(Path(sys.executable).parent / "dbt"),
    )
