"""Saved queries: a report under a name, to whom it goes and when, read from YAML with line-numbered problems."""
