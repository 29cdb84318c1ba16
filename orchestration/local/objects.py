"""The local bucket: an S3 server that keeps its data in the home."""

import os
import secrets
import socket
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from orchestration.errors import RequestError
from orchestration.local.daemon import Daemon
from orchestration.local.home import keep, prepare
from orchestration.local.ports import ports, usable

SIDECAR = ".meta.json"
"""Ends the name of what ministack writes beside an object, once it is whole."""
_HEALTHY = b"HTTP/1.1 200"


@dataclass(frozen=True)
class Bucket:
    """What a client needs to read and write one bucket."""

    endpoint_url: str
    name: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str


def bucket(home: Path) -> Bucket:
    """This home's bucket, versioned and with object lock, its server started when it is not running.

    Only requests signed with its keys are answered; pre-signed URLs are not. Keys of objects must not end in
    `.tmp` or `.meta.json`. Raises RequestError without the `local` extra, Unavailable when the server does not start.
    """
    home = prepare(home)
    server(home).ensure(lambda: _command(home), lambda: answers(home))
    return Bucket(endpoint_url=url(home), **_kept(home))


def server(home: Path) -> Daemon:
    """Its process."""
    return Daemon(home, "s3")


def url(home: Path) -> str:
    """Where it is, running or not."""
    return f"http://127.0.0.1:{ports(home)['s3']}"


def answers(home: Path) -> bool:
    """Return whether it is healthy."""
    # Asked before each command that stores: http.client takes longer to import than the answer to come.
    try:
        with socket.create_connection(("127.0.0.1", ports(home)["s3"]), timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(len(_HEALTHY)) == _HEALTHY
    except OSError:
        return False


def held(home: Path) -> str:
    """How many objects, in words; read from the disk, so that it is known of a stopped one too."""
    names = (name for _, _, files in os.walk(folder(home)) for name in files)
    return f"{sum(name.endswith(SIDECAR) for name in names)} objects"


def folder(home: Path) -> Path:
    """Where its objects are."""
    return home / "s3"


def _kept(home: Path) -> dict[str, str]:
    def make() -> dict[str, str]:
        return {
            "name": "dynamics",
            "access_key": "dynamics-local",
            "secret_key": secrets.token_urlsafe(30),
            "region": "us-east-1",
        }

    return keep(home / "s3.json", make)


def _command(home: Path) -> list[str]:
    if find_spec("ministack") is None:
        raise RequestError(
            "no local bucket here: pip install 'customer-dynamics[local]', or set DYNAMICS_S3_BUCKET"
        )
    folder(home).mkdir(mode=0o700, exist_ok=True)
    _kept(home)
    program = "orchestration.local.bucket_server"
    port = str(usable(home, "s3"))
    return [
        sys.executable,
        "-m",
        program,
        str(folder(home)),
        port,
        str(home / "s3.json"),
        str(server(home).pid_file),
    ]
