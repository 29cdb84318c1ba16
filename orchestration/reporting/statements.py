"""The reporting SQL, one file a statement. Files hold fixed text only; what a user typed travels as parameters."""

import re
from functools import cache
from pathlib import Path
from typing import LiteralString

_FOLDER = Path(__file__).parent / "sql"


@cache
def statement(name: str, **parts: str) -> LiteralString:
    """The statement in `sql/NAME.sql`; a `{part}` in it, or in what it is made of, is the statement given for it.

    A part that none is given for is the statement of its own name.
    """
    text = (_FOLDER / f"{name}.sql").read_text(encoding="utf-8")

    def part(found: re.Match[str]) -> str:
        return statement(parts.get(found[1], found[1]), **parts)

    return re.sub(r"\{(\w+)\}", part, text)
