"""Customer Dynamics: from a billing database to a report in the mailbox.

The rooms, in the order in which the data walks through them: `source` (the extract),
`../dbt_project` (facts and marts), `reporting` (a query becomes a table), `rendering` (a table
becomes files), `archive` (files become a snapshot), `mailing` (a snapshot becomes mail),
`deliveries` (saved queries as Dagster assets), `web` (somebody opens the link).
"""
