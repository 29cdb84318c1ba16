"""Builds: dbt brings the marts up to date, and the report store receives what changed.

`build` puts the parts together: `lock` (builds and loads exclude each other), `ledger` (rows of
dynamics.builds), `change_log` (what changed in `billing`), `dbt_runner` (dbt in this process) and
`store` (what reports read).
"""

from orchestration.builds.build import build_marts, new_build
from orchestration.builds.dbt_runner import DBT_PROJECT
from orchestration.builds.ledger import PendingBuild, Progress

__all__ = ["DBT_PROJECT", "PendingBuild", "Progress", "build_marts", "new_build"]
