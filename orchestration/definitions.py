"""The Dagster definitions: assets of the marts and the saved queries, schedules and sensors."""

from pathlib import Path

import dagster as dg

from orchestration.saved_queries.reader import read_saved_queries
from orchestration.scheduling.assets import build_all_assets
from orchestration.scheduling.failure_sensor import build_failure_sensor
from orchestration.scheduling.maintenance import build_prune_schedule, build_upkeep_sensor
from orchestration.scheduling.marts_assets import (
    build_dbt_resource,
    build_marts_assets,
    build_report_store_asset,
)
from orchestration.scheduling.missed_runs_sensor import build_missed_runs_sensor
from orchestration.scheduling.schedules import build_schedules
from orchestration.settings import settings


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions. Saved queries with mistakes are logged and left out."""
    saved_queries, problems = read_saved_queries(settings().templates)
    for problem in problems:
        dg.get_dagster_logger().error("saved query left out: %s", problem)
    valid = list(saved_queries.values())
    return dg.Definitions(
        assets=[build_marts_assets(), build_report_store_asset(), *build_all_assets(valid)],
        schedules=[*build_schedules(valid), build_prune_schedule()],
        sensors=[
            build_missed_runs_sensor(valid, {Path(problem.file).stem for problem in problems}),
            build_failure_sensor(valid),
            build_upkeep_sensor(valid),
        ],
        resources={"dbt": build_dbt_resource()},
        # A step is much faster than the start of a process for it.
        executor=dg.in_process_executor,
    )
