"""`/drill`: the clients behind one number of a snapshot, as they were when it was made."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from orchestration.archive import CLIENTS, Snapshot
from orchestration.errors import RequestError
from orchestration.reporting.clients import Behind, Place, clients_of_cell, place
from orchestration.web.pages import message_page, page
from orchestration.web.records.listing import listing
from orchestration.web.records.opened import open_for
from orchestration.web.visitor import Role, needs, signed_in

PAGE = 200
"""Clients on a page."""
_LONGEST = 200


@needs(Role.VIEWER)
def drill(request: Request) -> Response:
    """The clients behind the cell that `row` (SECTION/METRIC), `column` and `block` (numbers from 0) name."""
    asked = request.query_params
    with request.app.state.open_archive() as (archive, _):
        snapshot = open_for(signed_in(request), archive, asked.get("id", ""))
        table = snapshot.table()
        try:
            at = place(table, asked.get("row", ""), asked.get("column", ""), asked.get("block", "0"))
        except RequestError as error:
            return message_page(400, "There is no such number", f"{str(error).capitalize()}.")
        if CLIENTS not in snapshot.manifest.files:
            return message_page(
                404,
                "The clients behind this report were not kept",
                "It was made before they were, it says nothing yet, or they were more than a file can hold. "
                "Its numbers are not affected.",
            )
        behind = clients_of_cell(snapshot.read(CLIENTS), table, at)
    if "format" in asked:
        return _file(asked["format"], behind, snapshot, at)
    words = asked.get("q", "")[:_LONGEST].strip()
    matching = behind.named(words) if words else behind
    pages = max(1, -(-len(matching) // PAGE))
    number = min(int(asked.get("page", "1")) if asked.get("page", "1").isdecimal() else 1, pages) or 1
    return page(
        request,
        "records_drill.html.j2",
        manifest=snapshot.manifest,
        at=at,
        column=table.columns[at.column],
        package=table.blocks[at.block].package,
        behind=behind,
        matching=len(matching),
        clients=list(matching.clients((number - 1) * PAGE, PAGE)),
        q=words,
        number=number,
        pages=pages,
        first=(number - 1) * PAGE,
        here=urlencode(
            {"id": snapshot.manifest.id, "row": asked["row"], "column": at.column, "block": at.block}
        ),
    )


def _file(fmt: str, behind: Behind, snapshot: Snapshot, at: Place) -> Response:
    """All of them. What is rounded here adds up to the cell but for the roundings; balance times rate does exactly."""
    currency = snapshot.manifest.currency
    columns = [
        "Client ID",
        "Client",
        "Owner",
        "Created",
        "Last paid",
        "Currency",
        "Balance",
        "Rate",
        f"Balance {currency}",
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
            client.rate_shown,
            client.converted,
        ]
        for client in behind.clients()
    )
    return listing(columns, rows, fmt, f"clients_{at.metric.section}_{at.metric.name}".replace(" ", "-"))
