"""Saved queries: YAML files that name a report, its recipients and its schedule."""
