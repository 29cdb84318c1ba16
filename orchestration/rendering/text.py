"""The report table as text: for a terminal, the plain body of a mail, and Dagster's pages."""

import html
import re
from collections.abc import Iterator, Sequence

from orchestration.rendering.excerpt import excerpt, left_out
from orchestration.reporting.table import METRICS, NOT_AVAILABLE, Cell, ReportTable

_METRIC_WIDTH = 2 + max(len(metric.name) for metric in METRICS)
_LABEL_WIDTH, _PACKAGE_WIDTH = 20, 60
_MARKDOWN_COLUMNS = 12


def text_table(table: ReportTable) -> str:
    """The whole table in aligned columns, sections and packages as headings; names are one printable line."""
    return "\n".join(_text_lines(table)) if table.blocks else "No package has a client in scope."


def _text_lines(table: ReportTable) -> Iterator[str]:
    labels = [_one_line(label, _LABEL_WIDTH) for label in table.columns]
    widths = [len(label) + 2 for label in labels]
    # Twice over the table: its texts take ten times its memory.
    for _, _, cells in table.rows():
        widths = [max(width, len(_text(cell)) + 2) for width, cell in zip(widths, cells, strict=True)]

    def line(name: str, values: Sequence[str]) -> str:
        numbers = "".join(value.rjust(width) for value, width in zip(values, widths, strict=True))
        return name.ljust(_METRIC_WIDTH) + numbers

    yield line("", labels)
    for number, (_, _, cells) in enumerate(table.rows()):
        block, place = divmod(number, len(METRICS))
        if table.by_package and place == 0:
            yield f"\n== {_one_line(table.blocks[block].package or '', _PACKAGE_WIDTH)} =="
        if place == 0 or METRICS[place].section != METRICS[place - 1].section:
            yield METRICS[place].section
        yield line(f"  {METRICS[place].name}", [_text(cell) for cell in cells])


def markdown_table(table: ReportTable) -> str:
    """The table in Markdown; of a large one the last 12 columns of the first packages, and a line that says so."""
    part = excerpt(table, _MARKDOWN_COLUMNS)
    lines = [_markdown_row(part.header()), _markdown_row(["---", *["---:"] * (len(part.header()) - 1)])]
    lines += [_markdown_row([*texts, *map(_text, cells)]) for texts, _, cells in part.rows()]
    return "\n".join([*lines, "", left_out(table, part)])


def _markdown_row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(map(_markdown, texts))} |"


def _markdown(text: str) -> str:
    """Text that Markdown shows and does not read."""
    escaped = html.escape(_one_line(text, _PACKAGE_WIDTH), quote=False)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", escaped)


def _text(cell: Cell) -> str:
    return NOT_AVAILABLE if cell is None else f"{cell:,}"


def _one_line(text: str, longest: int) -> str:
    """Text that cannot break a line, push a column away or steer a terminal."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"
