"""The report page behind a link: the table, its files, its chart. The link alone opens it."""

from orchestration.web.report import chart, vega_script, view
from orchestration.web.report.kept_pages import KeptPages

ROUTES = [*view.ROUTES, *chart.ROUTES, *vega_script.ROUTES]

__all__ = ["ROUTES", "KeptPages"]
