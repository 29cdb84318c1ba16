"""Saved queries and what becomes of them: files with line-numbered problems, schedules, Dagster assets, deliveries."""
