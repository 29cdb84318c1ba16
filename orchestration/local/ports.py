"""The ports of a home. They are chosen once and stored, so that links keep working."""

import hashlib
import os
import socket
from collections.abc import Collection
from pathlib import Path

from orchestration.local.state_dir import load_or_create, prepare_home, replace_json

_NAMES = ("web", "dagster", "s3", "smtp")
_RANGE = range(20_000, 32_000)
"""Below the ports that operating systems assign (Linux from 32768, macOS from 49152)."""


def ports(home: Path) -> dict[str, int]:
    """Return the port on 127.0.0.1 of each of `web`, `dagster`, `s3` and `smtp`."""
    home = prepare_home(home)

    def choose() -> dict[str, int]:
        chosen: dict[str, int] = {}
        for name in _NAMES:
            chosen[name] = _find_free_port(home, name, chosen.values())
        return chosen

    return load_or_create(home / "ports.json", choose)


def web_port(home: Path) -> int:
    """Return the port of this home's web pages."""
    return ports(home)["web"]


def dagster_port(home: Path) -> int:
    """Return the port of this home's Dagster UI."""
    return ports(home)["dagster"]


def choose_port(home: Path, name: str) -> int:
    """Return the port for a service that starts now.

    If another program uses the stored port, choose a new one and store it.
    """
    stored = ports(home)
    if not _is_free(stored[name]):
        stored[name] = _find_free_port(home, name, stored.values())
        replace_json(home / "ports.json", stored)
    return stored[name]


def _find_free_port(home: Path, name: str, taken: Collection[int]) -> int:
    digest = hashlib.sha256(os.fsencode(home) + b"\0" + name.encode()).digest()
    first = int.from_bytes(digest[:8])
    candidates = (_RANGE[(first + step) % len(_RANGE)] for step in range(len(_RANGE)))
    return next(port for port in candidates if port not in taken and _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
