"""The report page behind a link: the table, its files, its chart. The link alone opens it."""

from orchestration.web.report.view import ROUTES

__all__ = ["ROUTES"]
