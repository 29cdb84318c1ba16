"""The two servers that `bench_web` compares.

Usage: `python -m benchmarks.web_server (ours|bare ANSWER) PORT`.

`bare` is Starlette alone. It answers every request with the bytes and headers that the product
sent.
"""

import json
import sys
from base64 import b64decode
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.connections import open_archive
from orchestration.web.app import create_app


def create_bare_app(answer: Path) -> Starlette:
    """Return an application that answers `/view` with the headers and the body in a file."""
    stored = json.loads(answer.read_text(encoding="utf-8"))
    body = b64decode(stored["body"])

    async def view(_: Request) -> Response:
        return Response(body, headers=stored["headers"])

    return Starlette(routes=[Route("/view", view)])


if __name__ == "__main__":
    kind, *rest, port = sys.argv[1:]
    app = create_app(open_archive) if kind == "ours" else create_bare_app(Path(rest[0]))
    uvicorn.run(
        app,
        port=int(port),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=kind == "ours",
    )
