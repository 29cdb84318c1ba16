"""The two servers that `bench_web` compares, each a process: `python -m benchmarks.web_server (ours|bare ANSWER) PORT`.

`bare` is Starlette and nothing else, answering every request with the same bytes and headers that ours sent.
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
from orchestration.web import create_app


def bare(answer: Path) -> Starlette:
    """Answers `/view` with the headers and the body that the file holds."""
    kept = json.loads(answer.read_text(encoding="utf-8"))
    body = b64decode(kept["body"])

    async def view(_: Request) -> Response:
        return Response(body, headers=kept["headers"])

    return Starlette(routes=[Route("/view", view)])


if __name__ == "__main__":
    kind, *rest, port = sys.argv[1:]
    app = create_app(open_archive) if kind == "ours" else bare(Path(rest[0]))
    uvicorn.run(
        app,
        port=int(port),
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=kind == "ours",
    )
