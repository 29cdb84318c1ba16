"""Run as a module: an S3 server on loopback that keeps its data, and answers only who signed with its secret.

    python -m orchestration.local.bucket_server OBJECTS PORT KEYS PIDFILE

ministack takes any signature, and an unsigned `POST /_ministack/reset`, which every web page can send to it,
wipes it: hence the gate. In a crash it forgets that the bucket is versioned, and at every end all locks of
objects: hence what is put back at the start. What it does forget is an overwritten key's older versions.
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

from orchestration.local.lifetime import until_deleted
from orchestration.local.objects import SIDECAR
from orchestration.local.signature import signed

Scope = MutableMapping[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]

_REFUSAL = b"<Error><Code>SignatureDoesNotMatch</Code><Message>Not signed with the keys of this home.</Message></Error>"
_LOCKS = ("x-amz-object-lock-legal-hold", "x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date")
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_VERSIONED = f"<VersioningConfiguration {_NAMESPACE}><Status>Enabled</Status></VersioningConfiguration>"
_LOCKABLE = f"<ObjectLockConfiguration {_NAMESPACE}><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"


def gate(inner: Application, access_key: str, secret_key: str) -> Application:
    """Lets signed S3 requests through, and `GET /health`; answers 403 to the rest."""

    async def application(scope: Scope, receive: Any, send: Any) -> None:
        health = (scope["method"], scope["path"]) == ("GET", "/health")
        administration = scope["path"].startswith("/_")
        if health or (signed(scope, access_key, secret_key) and not administration):
            with suppress(ClientGone):
                await inner(scope, _whole(receive), send)
            return
        headers = [(b"content-type", b"application/xml"), (b"content-length", str(len(_REFUSAL)).encode())]
        await send({"type": "http.response.start", "status": 403, "headers": headers})
        await send({"type": "http.response.body", "body": _REFUSAL})

    return application


class ClientGone(Exception):
    """Whoever sent this request died in the middle of it."""


def _whole(receive: Any) -> Any:
    """`receive`, for a request that counts only as a whole: ministack would keep the half of an object that came."""
    ended = False

    async def receiving() -> Any:
        nonlocal ended
        message = await receive()
        if message["type"] == "http.disconnect" and not ended:
            raise ClientGone
        ended = not message.get("more_body", False)
        return message

    return receiving


def forget_unfinished(objects: Path) -> None:
    """Removes what a crash left of writes that were never acknowledged: ministack writes an object, then its sidecar."""
    for file in objects.rglob("*"):
        if (
            file.is_file()
            and not file.name.endswith(SIDECAR)
            and not file.with_name(file.name + SIDECAR).exists()
        ):
            file.unlink()


async def open_bucket(objects: Path, name: str, region: str) -> Application:
    """The objects served by ministack, with the bucket there, versioned, and locked as it was, before anybody can ask."""
    # It reads its settings when it is imported.
    os.environ.update(SERVICES="s3", S3_PERSIST="1", S3_DATA_DIR=str(objects), PERSIST_STATE="0")
    os.environ.update(MINISTACK_ACCOUNT_ID="000000000000", MINISTACK_REGION=region, LOG_LEVEL="WARNING")
    from ministack.app import app  # type: ignore[import-untyped]  # it ships none
    from ministack.services import s3  # type: ignore[import-untyped]  # it ships none

    for body, query in (("", {}), (_VERSIONED, {"versioning": [""]}), (_LOCKABLE, {"object-lock": [""]})):
        status, _, answer = await s3.handle_request("PUT", f"/{name}", {}, body.encode(), query)
        if status != HTTPStatus.OK:
            raise RuntimeError(f"ministack refuses the bucket {name}: {answer!r}")
    # Of an object it keeps in the sidecar only these headers; with the lock's own among them a lock can be put back.
    s3._PRESERVED_HEADERS += _LOCKS  # noqa: SLF001 - there is no other way in
    for key, stored in s3._buckets[name]["objects"].items():  # noqa: SLF001
        s3._apply_object_lock_from_headers(name, key, stored["preserved_headers"])  # noqa: SLF001
    application: Application = app
    return application


async def serve(objects: Path, port: int, keys: dict[str, str], pid_file: Path) -> None:
    """Answers until the home is deleted or a signal ends the process."""
    import uvicorn

    forget_unfinished(objects)
    application = await open_bucket(objects, keys["name"], keys["region"])
    server = uvicorn.Server(
        uvicorn.Config(
            gate(application, keys["access_key"], keys["secret_key"]),
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

    async def end_with_the_home() -> None:
        await until_deleted(pid_file)
        server.should_exit = True

    watch = asyncio.create_task(end_with_the_home())
    await server.serve()
    watch.cancel()


if __name__ == "__main__":
    asyncio.run(
        serve(
            Path(sys.argv[1]), int(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()), Path(sys.argv[4])
        )
    )
