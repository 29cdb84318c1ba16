"""Workbook templates on disk.

A process that finds its template there does not import openpyxl.
"""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile

from orchestration.rendering.xlsx_template import STYLES, WorkbookTemplate

MAX_TEMPLATES = 64
"""The number of templates that a folder keeps."""
_SUFFIX = ".template"


def load_or_make_template(folder: Path, shape: str, make: Callable[[], WorkbookTemplate]) -> WorkbookTemplate:
    """Return the template of a shape from the folder, or make it and store it there.

    A damaged file is replaced. A folder that cannot be written costs time and has no other effect.
    """
    path = folder / f"{hashlib.sha256(f'{hash_code()} {shape}'.encode()).hexdigest()}{_SUFFIX}"
    template = _read(path)
    if template is None:
        template = make()
        with suppress(OSError):
            _write(path, template)
    return template


@cache
def hash_code() -> str:
    """Return a hash of the code that makes a template: openpyxl's version, and this package."""
    openpyxl = find_spec("openpyxl")
    assert openpyxl is not None
    assert openpyxl.origin is not None
    # This file has the version. To import importlib.metadata takes longer than to read the file.
    sources = [Path(openpyxl.origin).with_name("_constants.py"), *sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()


def _read(path: Path) -> WorkbookTemplate | None:
    """Return the template in a file; None if the file is missing or does not match its hash."""
    try:
        digest, _, content = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest().encode() != digest:
        return None
    stored = json.loads(content)
    return WorkbookTemplate(
        {name: text.encode() for name, text in stored["parts"].items()},
        dict(zip(STYLES, stored["styles"], strict=True)),
    )


def _write(path: Path, template: WorkbookTemplate) -> None:
    """Write the whole template or nothing. Remove the oldest templates if there are too many."""
    parts = {name: part.decode() for name, part in template.parts.items()}
    content = json.dumps({"parts": parts, "styles": [template.styles[style] for style in STYLES]}).encode()
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
    for old in by_age[:-MAX_TEMPLATES]:
        old.unlink(missing_ok=True)
