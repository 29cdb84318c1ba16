"""The page `/drill`: the clients behind one number of a snapshot, as stored with the snapshot."""

from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.archive import CLIENTS, Snapshot
from orchestration.errors import RequestError
from orchestration.rendering import to_sentence
from orchestration.reporting.drilldown import CellRef, Drilldown, drill_down, parse_cell_ref
from orchestration.web.access import page
from orchestration.web.archive.file_export import export_list
from orchestration.web.archive.snapshot_access import open_for
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_message, render_page
from orchestration.web.report.view import LINK_STATUSES

PAGE_SIZE = 200
"""Clients on one page."""
_MAX_SEARCH_LENGTH = 200


@page(
    Role.VIEWER,
    query=("id", "row", "column", "block", "q", "page", "format"),
    statuses=(200, 400, *LINK_STATUSES),
)
def show_clients(request: PageRequest) -> Response:
    """Show the clients behind one cell.

    `row` is SECTION/METRIC, `column` and `block` count from 0.
    """
    query = request.query
    with request.services.open_archive() as (archive, _):
        snapshot = open_for(request.signed_in_visitor, archive, query.text("id"))
        table = snapshot.table()
        try:
            cell = parse_cell_ref(table, query.text("row"), query.text("column"), query.text("block", "0"))
        except RequestError as error:
            return render_message(400, "Unknown number", to_sentence(str(error)))
        if CLIENTS not in snapshot.manifest.files:
            return render_message(
                404,
                "The clients of this report are not stored",
                "The report is older than this function, has no data yet, or has more clients than a file can "
                "hold. Its numbers are not affected.",
            )
        clients = drill_down(snapshot.read(CLIENTS), table, cell)
    if "format" in query:
        return _export(query.text("format"), clients, snapshot, cell)
    search_text = query.text("q")[:_MAX_SEARCH_LENGTH].strip()
    matches = clients.filter_by_name(search_text) if search_text else clients
    page_count = max(1, -(-len(matches) // PAGE_SIZE))
    page_text = query.text("page", "1")
    page_number = min(int(page_text) if page_text.isdecimal() else 1, page_count) or 1
    first = (page_number - 1) * PAGE_SIZE
    return render_page(
        request,
        "drilldown.html.j2",
        manifest=snapshot.manifest,
        cell=cell,
        column=table.columns[cell.column],
        package=table.blocks[cell.block].package,
        drilldown=clients,
        match_count=len(matches),
        clients=list(matches.clients(first, PAGE_SIZE)),
        search_text=search_text,
        page_number=page_number,
        page_count=page_count,
        first=first,
        cell_parameters=urlencode(
            {
                "id": snapshot.manifest.id,
                "row": query.text("row"),
                "column": cell.column,
                "block": cell.block,
            }
        ),
    )


def _export(fmt: str, clients: Drilldown, snapshot: Snapshot, cell: CellRef) -> Response:
    """Return all clients as a file.

    The converted balances are rounded, so their sum can differ from the cell. The exact value of a
    client is its balance times its rate.
    """
    columns = [
        "Client ID",
        "Client",
        "Owner",
        "Created",
        "Last paid",
        "Currency",
        "Balance",
        "Rate",
        f"Balance {snapshot.manifest.currency}",
    ]
    rows = (
        [
            client.client_id,
            client.name,
            client.owner,
            client.created_at,
            client.last_paid_at,
            client.currency,
            client.balance,
            client.rounded_rate,
            client.converted,
        ]
        for client in clients.clients()
    )
    return export_list(
        columns, rows, fmt, f"clients_{cell.metric.section}_{cell.metric.name}".replace(" ", "-")
    )


ROUTES = [Route("/drill", show_clients)]
