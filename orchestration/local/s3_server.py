"""An S3 server on 127.0.0.1 that answers only requests with its keys. Run this module as a program.

    python -m orchestration.local.s3_server OBJECTS PORT KEYS PIDFILE

ministack does the work, and this module closes its gaps. ministack accepts every signature, and
any web page could reset it with an unsigned `POST /_ministack/reset`: `require_signature` refuses
such requests. At a restart it forgets object locks, and after a crash also that the bucket has
versions: `create_bucket` restores them. It also forgets older versions of an overwritten key,
which stay lost.
"""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any

from orchestration.local.lifetime import wait_until_deleted
from orchestration.local.object_storage import SIDECAR
from orchestration.local.s3_signature import has_valid_signature

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

_REFUSAL = (
    b"<Error><Code>SignatureDoesNotMatch</Code>"
    b"<Message>Not signed with the keys of this home.</Message></Error>"
)
_LOCK_HEADERS = (
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
)
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_VERSIONING = f"<VersioningConfiguration {_NAMESPACE}><Status>Enabled</Status></VersioningConfiguration>"
_OBJECT_LOCK = (
    f"<ObjectLockConfiguration {_NAMESPACE}>"
    "<ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"
)


def require_signature(inner: Application, access_key: str, secret_key: str) -> Application:
    """Return an application that answers 403 to all but signed S3 requests and `GET /health`."""

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        is_health_check = (scope["method"], scope["path"]) == ("GET", "/health")
        is_administration = scope["path"].startswith("/_")
        is_signed = has_valid_signature(scope, access_key, secret_key)
        if is_health_check or (is_signed and not is_administration):
            with suppress(ClientGone):
                await inner(scope, _require_whole_body(receive), send)
            return
        headers = [(b"content-type", b"application/xml"), (b"content-length", str(len(_REFUSAL)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": _REFUSAL})

    return application


class ClientGone(Exception):
    """The client ended in the middle of its request."""


def _require_whole_body(receive: Any) -> Any:
    """Return a `receive` that raises ClientGone if the body is incomplete.

    ministack would store the part of the object that it has received.
    """
    ended = False

    async def receive_whole() -> Any:
        nonlocal ended
        message = await receive()
        if message["type"] == "http.disconnect" and not ended:
            raise ClientGone
        ended = not message.get("more_body", False)
        return message

    return receive_whole


def remove_unfinished(objects: Path) -> None:
    """Remove the files of writes that were not acknowledged before a crash.

    ministack writes an object first and its sidecar last.
    """
    for file in objects.rglob("*"):
        if (
            file.is_file()
            and not file.name.endswith(SIDECAR)
            and not file.with_name(file.name + SIDECAR).exists()
        ):
            file.unlink()


async def create_bucket(objects: Path, name: str, region: str) -> Application:
    """Return ministack's application with the bucket, its versioning and its object locks."""
    # ministack reads its settings at import.
    os.environ.update(SERVICES="s3", S3_PERSIST="1", S3_DATA_DIR=str(objects), PERSIST_STATE="0")
    os.environ.update(MINISTACK_ACCOUNT_ID="000000000000", MINISTACK_REGION=region, LOG_LEVEL="WARNING")
    from ministack.app import app  # type: ignore[import-untyped]  # it ships none
    from ministack.services import s3  # type: ignore[import-untyped]  # it ships none

    for body, query in (("", {}), (_VERSIONING, {"versioning": [""]}), (_OBJECT_LOCK, {"object-lock": [""]})):
        status, _, answer = await s3.handle_request("PUT", f"/{name}", {}, body.encode(), query)
        if status != HTTPStatus.OK:
            raise RuntimeError(f"ministack refuses the bucket {name}: {answer!r}")
    # The sidecar of an object keeps only these headers. With the lock's headers, a lock can be
    # restored.
    s3._PRESERVED_HEADERS += _LOCK_HEADERS  # noqa: SLF001 - ministack has no public way
    for key, stored in s3._buckets[name]["objects"].items():  # noqa: SLF001
        s3._apply_object_lock_from_headers(name, key, stored["preserved_headers"])  # noqa: SLF001
    application: Application = app
    return application


async def serve(objects: Path, port: int, keys: dict[str, str], pid_file: Path) -> None:
    """Serve until the home is deleted or a signal ends the process."""
    import uvicorn

    remove_unfinished(objects)
    application = await create_bucket(objects, keys["name"], keys["region"])
    server = uvicorn.Server(
        uvicorn.Config(
            require_signature(application, keys["access_key"], keys["secret_key"]),
            host="127.0.0.1",
            port=port,
            lifespan="off",  # it would start ministack's other services
            ws="none",
            log_level="warning",
            access_log=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=5,
        )
    )

    async def stop_when_home_is_deleted() -> None:
        await wait_until_deleted(pid_file)
        server.should_exit = True

    watcher = asyncio.create_task(stop_when_home_is_deleted())
    await server.serve()
    watcher.cancel()


if __name__ == "__main__":
    asyncio.run(
        serve(
            Path(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()), Path(sys.argv[4])
        )
    )
