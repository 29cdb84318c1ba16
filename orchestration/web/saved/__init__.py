"""Saved queries on the web: the list, saving, loading, and a test send."""

from orchestration.web.saved import listing, saving, sending

ROUTES = [*listing.ROUTES, *saving.ROUTES, *sending.ROUTES]

__all__ = ["ROUTES"]
