"""Scheduling: saved queries as Dagster assets and schedules, and the processes of `dynamics up`."""
