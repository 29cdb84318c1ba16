"""Customer Dynamics: from a billing database to a report in the mailbox.

The packages, in the order of the data flow: `source` (the extract), `builds` and `../dbt_project`
(marts and report store), `reporting` (a query becomes a table), `rendering` (a table becomes
files), `archive` (files become a snapshot), `mailing` (a snapshot becomes a mail), `deliveries`
(scheduled runs of saved queries), `scheduling` (Dagster), `web` (pages). `snapshots` computes,
renders and archives in one step.
"""
