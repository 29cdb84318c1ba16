"""Builds: dbt brings the marts up to date, and the report store receives the changes.

`build` puts the parts together: `lock` (builds and loads exclude each other), `ledger` (the rows of
dynamics.builds), `change_log` (what has changed in `billing`), `dbt_runner` (dbt in this process)
and `store` (the files that reports read). docs/explanation/builds.md explains the design.
"""

from orchestration.builds.build import build_marts, new_build
from orchestration.builds.dbt_runner import DBT_PROJECT
from orchestration.builds.ledger import PendingBuild

__all__ = ["DBT_PROJECT", "PendingBuild", "build_marts", "new_build"]
