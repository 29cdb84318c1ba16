"""Saved queries on the web: the list, saving, and test mails."""
