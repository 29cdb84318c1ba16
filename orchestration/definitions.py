"""What Dagster loads: the marts, the saved queries as assets, their schedules, and what keeps all of it going."""

from pathlib import Path

import dagster as dg

from orchestration.saved_queries.saved_query_file import report_templates
from orchestration.scheduling.assets import all_assets
from orchestration.scheduling.dagster_marts import dbt_resource, marts_assets, report_store
from orchestration.scheduling.due import due_sensor
from orchestration.scheduling.failed_runs import failures_sensor
from orchestration.scheduling.schedules import schedules_of
from orchestration.scheduling.upkeep import prune_schedule, upkeep_sensor
from orchestration.settings import settings


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions, from the saved queries that can be read; those that cannot are logged and stop nothing else."""
    saved_queries, problems = report_templates(settings().templates)
    for problem in problems:
        dg.get_dagster_logger().error("saved query left out: %s", problem)
    found = list(saved_queries.values())
    return dg.Definitions(
        assets=[marts_assets(), report_store(), *all_assets(found)],
        schedules=[*schedules_of(found), prune_schedule()],
        sensors=[
            due_sensor(found, {Path(problem.file).stem for problem in problems}),
            failures_sensor(found),
            upkeep_sensor(found),
        ],
        resources={"dbt": dbt_resource()},
        # A step takes a tenth of a second, a process of its own for each would take four.
        executor=dg.in_process_executor,
    )
