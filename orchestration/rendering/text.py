"""The report table as text: for a terminal, the plain body of a mail, and the pages of Dagster."""

import html
import re
from collections.abc import Iterator, Sequence

from orchestration.rendering.truncation import describe_truncation, truncate
from orchestration.reporting.table import NOT_AVAILABLE, Cell, ReportTable

_MAX_LABEL, _MAX_PACKAGE_NAME = 20, 60
"""Characters."""
_MARKDOWN_COLUMNS = 12


def format_text_table(table: ReportTable) -> str:
    """Return the whole table in aligned columns, with sections and packages as headings.

    A name becomes one printable line.
    """
    return "\n".join(_text_lines(table)) if table.blocks else "No package has a client in scope."


def _text_lines(table: ReportTable) -> Iterator[str]:
    name_width = 2 + max(len(metric.name) for metric in table.metrics)
    labels = [_to_one_line(label, _MAX_LABEL) for label in table.columns]
    widths = [len(label) + 2 for label in labels]
    # The cells are formatted twice, because the texts of a large table would take much memory.
    for _, _, cells in table.rows():
        widths = [max(width, len(_format_cell(cell)) + 2) for width, cell in zip(widths, cells, strict=True)]

    def line(name: str, values: Sequence[str]) -> str:
        numbers = "".join(value.rjust(width) for value, width in zip(values, widths, strict=True))
        return name.ljust(name_width) + numbers

    yield line("", labels)
    for block in table.blocks:
        if table.by_package:
            yield f"\n== {_to_one_line(block.package or '', _MAX_PACKAGE_NAME)} =="
        section = None
        for metric, cells in zip(block.metrics, block.cells, strict=True):
            if metric.section != section:
                section = metric.section
                yield section
            yield line(f"  {metric.name}", [_format_cell(cell) for cell in cells])


def markdown_table(table: ReportTable) -> str:
    """Return the table in Markdown. Of a large table, return an excerpt and a line that says so."""
    part = truncate(table, _MARKDOWN_COLUMNS)
    lines = [_markdown_row(part.header()), _markdown_row(["---", *["---:"] * (len(part.header()) - 1)])]
    lines += [_markdown_row([*texts, *map(_format_cell, cells)]) for texts, _, cells in part.rows()]
    return "\n".join([*lines, "", describe_truncation(table, part)])


def _markdown_row(texts: Sequence[str]) -> str:
    return f"| {' | '.join(map(_escape_markdown, texts))} |"


def _escape_markdown(text: str) -> str:
    escaped = html.escape(_to_one_line(text, _MAX_PACKAGE_NAME), quote=False)
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", escaped)


def _format_cell(cell: Cell) -> str:
    return NOT_AVAILABLE if cell is None else f"{cell:,}"


def _to_one_line(text: str, max_length: int) -> str:
    """Return text without line breaks and control characters, cut to `max_length` characters."""
    words = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return words if len(words) <= max_length else f"{words[: max_length - 1]}…"


def to_sentence(text: str) -> str:
    """Return the text with a capital letter, and with a full stop unless it ends with a mark."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}"
