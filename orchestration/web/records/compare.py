"""`/archive/compare`: two snapshots side by side, every cell that differs marked; the differences as a file."""

from datetime import timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from orchestration.archive import Manifest, Snapshot
from orchestration.reporting.compare import Comparison, NotComparable, Pair, PairedBlock
from orchestration.reporting.compare import compare as compared
from orchestration.reporting.table import METRICS, NOT_AVAILABLE, Unit
from orchestration.web.pages import message_page, page
from orchestration.web.records.listing import listing
from orchestration.web.records.opened import open_for, parameter_lines
from orchestration.web.visitor import Role, needs, signed_in


@needs(Role.VIEWER)
def compare(request: Request) -> Response:
    """The snapshots `left` and `right`; with `only`, just the rows and columns in which something differs."""
    visitor = signed_in(request)
    with request.app.state.open_archive() as (archive, _):
        left, right = (
            open_for(visitor, archive, request.query_params.get(side, "")) for side in ("left", "right")
        )
        try:
            found = comparison(left, right)
        except NotComparable as error:
            return message_page(409, "These two reports cannot be compared", f"{str(error).capitalize()}.")
    if "format" in request.query_params:
        return _file(request.query_params["format"], found, left.manifest)
    only = "only" in request.query_params
    columns = _columns(found, only=only)
    return page(
        request,
        "records_compare.html.j2",
        left=left.manifest,
        right=right.manifest,
        found=found,
        columns=[found.columns[place] for place in columns],
        blocks=[
            (block.package, sections)
            for block in found.blocks
            if (sections := _sections(block, columns, only=only))
        ],
        only=only,
        count=sum(1 for _ in found.differences()),
        largest=[largest for unit in Unit if (largest := found.largest(unit))],
        asked=_asked_differently(left.manifest, right.manifest),
    )


def comparison(left: Snapshot, right: Snapshot) -> Comparison:
    """Both tables, cell by cell. Raises NotComparable."""
    currencies = left.manifest.currency, right.manifest.currency
    if currencies[0] != currencies[1]:
        raise NotComparable(
            f"one is in {currencies[0]} and the other in {currencies[1]}: make both in one currency"
        )
    return compared(left.table(), right.table())


def _columns(found: Comparison, *, only: bool) -> list[int]:
    """The places of the columns that are shown: all, or `only` those in which something differs."""
    places = range(len(found.columns))
    if not only:
        return list(places)
    rows = [pairs for block in found.blocks for pairs in block.cells]
    return [place for place in places if any(pairs[place].differs for pairs in rows)]


def _sections(
    block: PairedBlock, columns: list[int], *, only: bool
) -> list[tuple[str, list[tuple[str, list[Pair]]]]]:
    """The sections of a block with the rows that are shown: all, or `only` those in which something differs."""
    rows = [
        (metric, [pairs[place] for place in columns])
        for metric, pairs in zip(METRICS, block.cells, strict=True)
        if not only or any(pair.differs for pair in pairs)
    ]
    return [
        (section, [(metric.name, pairs) for metric, pairs in members])
        for section, members in groupby(rows, key=lambda row: row[0].section)
    ]


def _asked_differently(left: Manifest, right: Manifest) -> list[tuple[str, str, str]]:
    """The parameters that do not mean the same, and both their values."""
    # An interval's name means another one later; an owner can be asked for by name and by id.
    sides = [
        parameter_lines({**manifest.parameters, "owners": manifest.owner_ids})
        | {"Interval": _interval(manifest)}
        for manifest in (left, right)
    ]
    names = dict.fromkeys([*sides[0], *sides[1]])
    values = [(name, *(side.get(name, "none") for side in sides)) for name in names]
    return [(name, one, other) for name, one, other in values if one != other]


def _interval(manifest: Manifest) -> str:
    """The interval as it was resolved, by its first and last second in the report's zone."""
    first, after = (
        at.astimezone(ZoneInfo(manifest.timezone)) for at in (manifest.interval.from_, manifest.interval.to)
    )
    return f"{first:%Y-%m-%d %H:%M:%S} to {after - timedelta(seconds=1):%Y-%m-%d %H:%M:%S}"


def _file(fmt: str, found: Comparison, left: Manifest) -> Response:
    package = ["Package"] if found.by_package else []
    rows = (
        [
            *([difference.package or ""] if found.by_package else []),
            difference.metric.section,
            difference.metric.name,
            difference.column,
            *(NOT_AVAILABLE if cell is None else cell for cell in difference.pair),
            difference.pair.difference,
        ]
        for difference in found.differences()
    )
    columns = [*package, "Section", "Metric", "Column", "Left", "Right", "Difference"]
    return listing(columns, rows, fmt, f"differences_{left.generated_at:%Y-%m-%d}")
