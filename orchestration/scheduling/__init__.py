"""Saved queries in Dagster: assets, schedules, sensors, and the processes that `dynamics up` runs."""
