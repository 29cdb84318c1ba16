"""The reporting SQL, one file a statement. Files hold fixed text only; what a user typed travels as parameters."""

from functools import cache
from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str, **parts: str) -> LiteralString:
    """The statement in `sql/NAME.sql`, with each `{part}` replaced by the statement of the name given for it."""
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")
    for part, other in parts.items():
        text = text.replace(f"{{{part}}}", statement(other))
    return text
