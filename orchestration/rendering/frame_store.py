"""Frames of workbooks on disk, so that a process which finds its frame there does not import openpyxl."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

from orchestration.rendering.xlsx_frame import STYLES, Frame

_FRAMES_AT_MOST = 64
_SUFFIX = ".frame"


def stored_frame(folder: Path, shape: str, make: Callable[[], Frame]) -> Frame:
    """Return the frame of a shape: the one in the folder, or one that `make` makes and the folder then holds.

    A file that is damaged is made again. A folder that cannot be written costs time and nothing else.
    """
    path = folder / f"{hashlib.sha256(f'{_versions()} {shape}'.encode()).hexdigest()}{_SUFFIX}"
    frame = _read(path)
    if frame is None:
        frame = make()
        with suppress(OSError):
            _write(path, frame)
    return frame


@cache
def _versions() -> str:
    """Return a hash of everything that decides what a frame looks like: openpyxl's version and our own code."""
    openpyxl = find_spec("openpyxl")
    assert openpyxl is not None
    assert openpyxl.origin is not None
    # The version stands in this file. importlib.metadata takes longer to import than the file to read.
    sources = [Path(openpyxl.origin).with_name("_constants.py"), *sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _read(path: Path) -> Frame | None:
    """Return the frame in a file; None when there is no file, or its content does not match its hash."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    kept = json.loads(content)
    return Frame(
        {name: text.encode() for name, text in kept["parts"].items()},
        dict(zip(STYLES, kept["styles"], strict=True)),
    )


def _write(path: Path, frame: Frame) -> None:
    """Write the frame whole or not at all, and remove the oldest frames where there are too many."""
    parts = {name: part.decode() for name, part in frame.parts.items()}
    content = json.dumps({"parts": parts, "styles": [frame.styles[style] for style in STYLES]}).encode()
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, delete=False) as file:
        draft = Path(file.name)
        try:
            file.write(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
            file.flush()
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    by_age = sorted(path.parent.glob(f"*{_SUFFIX}"), key=lambda file: file.stat().st_mtime)
    for old in by_age[:-_FRAMES_AT_MOST]:
        old.unlink(missing_ok=True)
