"""The form that asks for a report, and the work that answers it."""

from orchestration.web.ask.form import ROUTES

__all__ = ["ROUTES"]
