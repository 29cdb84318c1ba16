"""Ports of a home: chosen free once, then remembered, so that links keep working and two homes do not clash."""

import hashlib
import os
import socket
from collections.abc import Collection
from pathlib import Path

from orchestration.local.home import keep, prepare, replace

_NAMES = ("web", "dagster", "s3", "smtp")
_RANGE = range(20_000, 32_000)
"""Below the ports that systems hand out by themselves (Linux from 32768, macOS from 49152)."""


def ports(home: Path) -> dict[str, int]:
    """The port on 127.0.0.1 of each of `web`, `dagster`, `s3` and `smtp`; the same at every call."""
    home = prepare(home)

    def choose() -> dict[str, int]:
        chosen: dict[str, int] = {}
        for name in _NAMES:
            chosen[name] = _free(home, name, chosen.values())
        return chosen

    return keep(home / "ports.json", choose)


def web_port(home: Path) -> int:
    """The port of this home's web pages."""
    return ports(home)["web"]


def dagster_port(home: Path) -> int:
    """The port of this home's Dagster UI."""
    return ports(home)["dagster"]


def usable(home: Path, name: str) -> int:
    """The port of a service that is about to start: another one, remembered from now on, if a stranger took it."""
    known = ports(home)
    if not _is_free(known[name]):
        known[name] = _free(home, name, known.values())
        replace(home / "ports.json", known)
    return known[name]


def _free(home: Path, name: str, taken: Collection[int]) -> int:
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
