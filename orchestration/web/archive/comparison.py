"""The page `/archive/compare`: two snapshots cell by cell, and their differences as a file."""

from datetime import timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from starlette.responses import Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.archive import Manifest, Snapshot
from orchestration.rendering import to_sentence
from orchestration.reporting.comparison import Comparison, NotComparable, Pair, PairedBlock
from orchestration.reporting.comparison import compare as compare_tables
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.reporting.table import NOT_AVAILABLE, Unit
from orchestration.web.access import page
from orchestration.web.archive.file_export import export_list
from orchestration.web.archive.snapshot_access import describe_parameters, open_for
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_message, render_page
from orchestration.web.report.view import LINK_STATUSES

_MOMENT = "%Y-%m-%d %H:%M:%S"


@page(Role.VIEWER, query=("left", "right", "only", "format"), statuses=(200, 400, 409, *LINK_STATUSES))
def show_comparison(request: PageRequest) -> Response:
    """Compare the snapshots `left` and `right`.

    `only` hides rows and columns without a difference.
    """
    visitor = request.signed_in_visitor
    with request.services.open_archive() as (archive, _):
        left, right = (open_for(visitor, archive, request.query.text(side)) for side in ("left", "right"))
        try:
            comparison = compare(left, right)
        except NotComparable as error:
            return render_message(409, "These two reports cannot be compared", to_sentence(str(error)))
    if "format" in request.query:
        return _export(request.query.text("format"), comparison, left.manifest)
    only_differences = "only" in request.query
    columns = _select_columns(comparison, only_differences=only_differences)
    return render_page(
        request,
        "archive_comparison.html.j2",
        left=left.manifest,
        right=right.manifest,
        comparison=comparison,
        columns=[comparison.columns[column] for column in columns],
        blocks=[
            (block.package, sections)
            for block in comparison.blocks
            if (sections := _select_sections(block, columns, only_differences=only_differences))
        ],
        only_differences=only_differences,
        difference_count=sum(1 for _ in comparison.differences()),
        largest_differences=[largest for unit in Unit if (largest := comparison.largest_difference(unit))],
        parameter_differences=_compare_parameters(left.manifest, right.manifest),
    )


def compare(left: Snapshot, right: Snapshot) -> Comparison:
    """Compare the tables of two snapshots. Raise NotComparable if their currencies differ."""
    currencies = left.manifest.currency, right.manifest.currency
    if currencies[0] != currencies[1]:
        raise NotComparable(
            f"one is in {currencies[0]} and the other in {currencies[1]}: compute both in one currency"
        )
    return compare_tables(left.table(), right.table())


def _select_columns(comparison: Comparison, *, only_differences: bool) -> list[int]:
    """Return the indices of the columns to show."""
    columns = range(len(comparison.columns))
    if not only_differences:
        return list(columns)
    rows = [pairs for block in comparison.blocks for pairs in block.cells]
    return [column for column in columns if any(pairs[column].differs for pairs in rows)]


def _select_sections(
    block: PairedBlock, columns: list[int], *, only_differences: bool
) -> list[tuple[str, list[tuple[str, list[Pair]]]]]:
    """Return the sections of a block with the rows to show: the name and the cells of each row."""
    rows = [
        (metric, [pairs[column] for column in columns])
        for metric, pairs in zip(block.metrics, block.cells, strict=True)
        if not only_differences or any(pair.differs for pair in pairs)
    ]
    return [
        (section, [(metric.name, pairs) for metric, pairs in section_rows])
        for section, section_rows in groupby(rows, key=lambda row: row[0].section)
    ]


def _compare_parameters(left: Manifest, right: Manifest) -> list[tuple[str, str, str]]:
    """Return the parameters with different meanings: the label and the values of both sides.

    Compare the resolved interval and the ids of the owners, because a name can mean another
    interval or another owner later.
    """
    sides = [
        describe_parameters({**manifest.parameters, "owners": manifest.owner_ids})
        | {QUERY_PARAMETERS["interval"].label: _describe_interval(manifest)}
        for manifest in (left, right)
    ]
    labels = dict.fromkeys([*sides[0], *sides[1]])
    values = [(label, *(side.get(label, "none") for side in sides)) for label in labels]
    return [
        (label, left_value, right_value)
        for label, left_value, right_value in values
        if left_value != right_value
    ]


def _describe_interval(manifest: Manifest) -> str:
    """Return the first and the last second of the interval in the report's time zone."""
    start, end = (
        moment.astimezone(ZoneInfo(manifest.timezone))
        for moment in (manifest.interval.from_, manifest.interval.to)
    )
    return f"{start:{_MOMENT}} to {end - timedelta(seconds=1):{_MOMENT}}"


def _export(fmt: str, comparison: Comparison, left: Manifest) -> Response:
    """Return all differences as a file."""
    package_column = ["Package"] if comparison.by_package else []
    rows = (
        [
            *([difference.package or ""] if comparison.by_package else []),
            difference.metric.section,
            difference.metric.name,
            difference.column,
            *(NOT_AVAILABLE if cell is None else cell for cell in difference.pair),
            difference.pair.difference,
        ]
        for difference in comparison.differences()
    )
    columns = [*package_column, "Section", "Metric", "Column", "Left", "Right", "Difference"]
    return export_list(columns, rows, fmt, f"differences_{left.generated_at:%Y-%m-%d}")


ROUTES = [Route("/archive/compare", show_comparison)]
