"""The local bucket: an S3 server that stores its data in the home."""

import os
import secrets
import socket
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from orchestration.errors import RequestError
from orchestration.local.daemon import Daemon
from orchestration.local.ports import choose_port, ports
from orchestration.local.state_dir import load_or_create, prepare_home

SIDECAR = ".meta.json"
"""The suffix of the file that ministack writes next to an object when the object is complete."""
_HEALTHY = b"HTTP/1.1 200"


@dataclass(frozen=True)
class Bucket:
    """The address, the name and the keys of a bucket."""

    endpoint_url: str
    name: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str


def bucket(home: Path) -> Bucket:
    """Return this home's bucket. Start the server if it is not running.

    The bucket has versions and object lock.
    The server answers only requests that are signed with the keys of the bucket, in their
    headers. The key of an object must not end in `.tmp` or `.meta.json`. Raise RequestError if
    the extra `local` is not installed, Unavailable if the server does not start.
    """
    home = prepare_home(home)
    server(home).ensure_running(lambda: _build_command(home), lambda: is_ready(home))
    return Bucket(endpoint_url=url(home), **_load_credentials(home))


def server(home: Path) -> Daemon:
    """Return the process."""
    return Daemon(home, "s3")


def url(home: Path) -> str:
    """Return the address, whether the server is running or not."""
    return f"http://127.0.0.1:{ports(home)['s3']}"


def is_ready(home: Path) -> bool:
    """Return True if the server is healthy."""
    # Every command that stores a file asks this. To import http.client would take longer than the
    # answer.
    try:
        with socket.create_connection(("127.0.0.1", ports(home)["s3"]), timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return connection.recv(len(_HEALTHY)) == _HEALTHY
    except OSError:
        return False


def describe_contents(home: Path) -> str:
    """Return the number of objects on disk, whether the server is running or not."""
    names = (name for _, _, files in os.walk(objects_folder(home)) for name in files)
    return f"{sum(name.endswith(SIDECAR) for name in names)} objects"


def objects_folder(home: Path) -> Path:
    """Return the folder of the objects."""
    return home / "s3"


def _load_credentials(home: Path) -> dict[str, str]:
    def create() -> dict[str, str]:
        return {
            "name": "dynamics",
            "access_key": "dynamics-local",
            "secret_key": secrets.token_urlsafe(30),
            "region": "us-east-1",
        }

    return load_or_create(home / "s3.json", create)


def _build_command(home: Path) -> list[str]:
    if find_spec("ministack") is None:
        raise RequestError(
            "the local bucket is not installed: run pip install 'customer-dynamics[local]',"
            " or set DYNAMICS_S3_BUCKET"
        )
    objects_folder(home).mkdir(mode=0o700, exist_ok=True)
    _load_credentials(home)
    program = "orchestration.local.s3_server"
    port = str(choose_port(home, "s3"))
    return [
        sys.executable,
        "-m",
        program,
        str(objects_folder(home)),
        port,
        str(home / "s3.json"),
        str(server(home).pid_file),
    ]
