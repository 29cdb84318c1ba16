"""What Dagster loads: the marts, the saved queries as assets, their schedules."""

import dagster as dg

from orchestration.deliveries.assets import assets_of
from orchestration.deliveries.dagster_marts import dbt_resource, marts_assets
from orchestration.deliveries.saved_query_file import report_templates
from orchestration.deliveries.schedules import schedules_of
from orchestration.settings import settings


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions, from the saved queries that can be read; those that cannot are logged and stop nothing else."""
    saved_queries, problems = report_templates(settings().templates)
    for problem in problems:
        dg.get_dagster_logger().error("saved query left out: %s", problem)
    return dg.Definitions(
        assets=[marts_assets(), *(asset for each in saved_queries.values() for asset in assets_of(each))],
        schedules=schedules_of(saved_queries.values()),
        resources={"dbt": dbt_resource()},
        # A step takes a tenth of a second, a process of its own for each would take four.
        executor=dg.in_process_executor,
    )
