"""The form that asks for a report, and the work that answers it."""

from orchestration.web.ask import form, query, search

ROUTES = [*form.ROUTES, *query.ROUTES, *search.ROUTES]

__all__ = ["ROUTES"]
