"""The office of these tests: billing data, marts and servers for saved queries that run in Dagster."""

from office import environment, office

__all__ = ["environment", "office"]
