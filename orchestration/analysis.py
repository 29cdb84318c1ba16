"""Reports, snapshots and drill-down clients as pandas DataFrames, for analysts.

    from orchestration import analysis

    frame = analysis.report(interval="last 12 months", group_by="month", currency="EUR")
    frame.loc[("Clients - Active", "Qty")].plot()

The rows of a report are a MultiIndex of section and metric. A report by package and time has the
package first. The columns are a PeriodIndex if the report is grouped by year, month or date. Values
have the nullable type Float64, and N/A is `<NA>`. With `exact=True` they are the exact int and
Decimal objects. `frame.attrs` has the facts of the report: title, link, currency, as_of and others.
"""

from collections.abc import Hashable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pandas as pd

from orchestration.archive import CLIENTS, Snapshot
from orchestration.archive.index import list_entries
from orchestration.connections import database, open_archive
from orchestration.errors import RequestError
from orchestration.reporting.drilldown import DrilldownClient, drill_down, parse_cell_ref
from orchestration.reporting.engine import compute_report
from orchestration.reporting.parameters import read_query
from orchestration.reporting.table import METRICS, Cell, ReportTable, Unit
from orchestration.settings import settings

if TYPE_CHECKING:
    from decimal import Decimal

    from pandas.io.formats.style import Styler

_FREQUENCIES = {"year": "Y", "month": "M", "date": "D"}
_LABEL_FORMATS = {"year": "%Y", "month": "%m/%Y", "date": "%Y-%m-%d"}
_QUANTITIES = {(metric.section, metric.name) for metric in METRICS if metric.unit is Unit.QUANTITY}
_EXCEL_FORMATS = {Unit.QUANTITY: "#,##0", Unit.MONEY: "#,##0.00"}

_CLIENT_TYPES = {
    "name": "string",
    "owner": "string",
    "created_at": "datetime64[us, UTC]",
    "last_paid_at": "datetime64[us, UTC]",
    "currency": "string",
}
_AMOUNTS = ("balance", "rate", "converted")


def report(*, exact: bool = False, **parameters: Any) -> pd.DataFrame:
    """Return the report of a query, computed now. Nothing is stored.

    The parameters are the keys of `query` in a saved query, such as `interval`, `group_by`,
    `client_tags` and `currency`. `from_` and `to` can replace `interval`. Raise RequestError for a
    wrong parameter.
    """
    values = dict(parameters)
    start, end = values.pop("from_", None), values.pop("to", None)
    if start is not None or end is not None:
        values["interval"] = {"from": str(start), "to": str(end)}
    query = read_query(values)
    moment = datetime.now(UTC)
    with database() as connection:
        computed = compute_report(connection, query, base_currency=settings().base_currency, moment=moment)
    facts = {
        "currency": computed.query.currency,
        "timezone": computed.query.timezone,
        "interval_start": computed.interval.start.instant,
        "interval_end": computed.interval.end.instant,
        "as_of": computed.as_of,
        "build_id": computed.build_id,
    }
    return _build_frame(computed.table, computed.query.time_group, facts, exact=exact)


def snapshot(id_or_link: str, *, exact: bool = False) -> pd.DataFrame:
    """Return the table of a stored snapshot.

    Raise SnapshotNotFound for an unknown id, and for a link that was revoked or has expired.
    """
    opened = _open(id_or_link)
    manifest = opened.manifest
    facts = {
        "snapshot_id": manifest.id,
        "title": manifest.title,
        "link": manifest.link,
        "saved_query": manifest.saved_query,
        "generated_by": manifest.generated_by,
        "generated_at": manifest.generated_at,
        "currency": manifest.currency,
        "timezone": manifest.timezone,
        "interval_start": manifest.interval.from_,
        "interval_end": manifest.interval.to,
        "as_of": manifest.as_of,
        "build_id": manifest.build_id,
    }
    return _build_frame(opened.table(), _time_group(opened), facts, exact=exact)


def snapshots(*, saved_query: str | None = None, limit: int | None = 100) -> pd.DataFrame:
    """Return the newest snapshots, newest first, by their ids. `limit=None` means all."""
    columns = {
        "title": "string",
        "saved_query": "string",
        "generated_by": "string",
        "generated_at": "datetime64[us, UTC]",
        "as_of": "datetime64[us, UTC]",
        "link_state": "string",
        "opens": "Int64",
    }
    with open_archive() as (_, connection):
        entries = list_entries(connection, limit, saved_query)
    rows = [[getattr(entry, name) for name in columns] for entry in entries]
    index = pd.Index([entry.snapshot_id for entry in entries], name="snapshot_id", dtype="object")
    return pd.DataFrame(rows, index=index, columns=list(columns)).astype(columns)


def clients(
    source: str | pd.DataFrame,
    section: str,
    metric: str,
    column: Hashable,
    *,
    package: str | None = None,
    exact: bool = False,
) -> pd.DataFrame:
    """Return the clients behind one cell of a snapshot, the largest balance first.

    `source` is an id, a link, or a frame that `snapshot` returned. `section` and `metric` name the
    row, such as "Clients - Active" and "Balance". `column` is a label of the frame's columns, such
    as "2018-03", a Period, or "Total". `package` names the block of a report by package and time.

    `balance` is in the client's currency. `converted` is in the report currency, at `rate`. Raise
    RequestError when the snapshot has no such cell, and when it has no clients.
    """
    opened = _open(source)
    table = opened.table()
    if CLIENTS not in opened.manifest.files:
        raise RequestError("this snapshot has no drill-down clients: it was too large to store them")
    ref = parse_cell_ref(
        table,
        f"{section}/{metric}",
        str(_find_column(table, _time_group(opened), column)),
        str(_find_block(table, package)),
    )
    rows = [
        _describe_client(client, exact=exact)
        for client in drill_down(opened.read(CLIENTS), table, ref).clients()
    ]
    names = ["client_id", *_CLIENT_TYPES, *_AMOUNTS]
    types = _CLIENT_TYPES | ({} if exact else dict.fromkeys(_AMOUNTS, "Float64"))
    frame = pd.DataFrame(rows, columns=names, dtype="object").astype(types)
    return frame.set_index("client_id")


def style(frame: pd.DataFrame) -> "Styler":
    """Return the frame with number formats, for a notebook and for `to_excel`.

    Quantities have no decimals, and N/A is shown as such.
    """
    styler = frame.style.format(na_rep="N/A", precision=2, thousands=",")
    for unit, pattern in _EXCEL_FORMATS.items():
        rows = [label for label in frame.index if _unit(label) is unit]
        if rows:
            subset = (rows, slice(None))
            styler = styler.format(
                na_rep="N/A", precision=0 if unit is Unit.QUANTITY else 2, thousands=",", subset=subset
            ).map(lambda _, pattern=pattern: f"number-format: {pattern}", subset=subset)
    return styler


def _open(source: str | pd.DataFrame) -> Snapshot:
    """Return the snapshot of an id, a link or a frame. Raise RequestError for another frame."""
    if isinstance(source, pd.DataFrame):
        snapshot_id = source.attrs.get("snapshot_id")
        if snapshot_id is None:
            raise RequestError("this frame is not from a snapshot: pass a snapshot id or a link")
    else:
        snapshot_id = parse_qs(urlsplit(source).query).get("id", [source])[0]
    with open_archive() as (archive, _):
        return archive.open(str(snapshot_id))


def _time_group(opened: Snapshot) -> str | None:
    """Return year, month or date, if the snapshot is grouped by it."""
    group_by: Sequence[str] = opened.manifest.parameters.get("group_by", ())
    return next((group for group in group_by if group in _FREQUENCIES), None)


def _build_frame(
    table: ReportTable, time_group: str | None, facts: Mapping[str, object], *, exact: bool
) -> pd.DataFrame:
    labels, values = [], []
    for texts, _, cells in table.rows():
        labels.append(tuple(texts))
        values.append([_convert(cell, exact=exact) for cell in cells])
    names = ["package", "section", "metric"] if table.by_package else ["section", "metric"]
    index = (
        pd.MultiIndex.from_tuples(labels, names=names)
        if labels
        else pd.MultiIndex.from_arrays([[]] * len(names), names=names)
    )
    frame = pd.DataFrame(
        values,
        index=index,
        columns=_columns(table, time_group),
        dtype="object" if exact else "Float64",
    )
    frame.attrs.update(facts)
    return frame


def _columns(table: ReportTable, time_group: str | None) -> "pd.Index[Any]":
    if time_group is None:
        return pd.Index(table.columns, name=None if table.columns == ("Total",) else "package")
    days = pd.to_datetime(list(table.columns), format=_LABEL_FORMATS[time_group])
    return pd.PeriodIndex(days, freq=_FREQUENCIES[time_group], name="period")


def _convert(cell: Cell, *, exact: bool) -> object:
    if cell is None:
        return pd.NA
    return cell if exact else float(cell)


def _unit(label: tuple[str, ...]) -> Unit:
    """Return the unit of a row by its label."""
    return Unit.QUANTITY if label[-2:] in _QUANTITIES else Unit.MONEY


def _find_column(table: ReportTable, time_group: str | None, column: Hashable) -> int:
    """Return the number of a column. Raise RequestError when the table has no such column."""
    if time_group is not None and not isinstance(column, pd.Period):
        try:
            column = pd.Period(str(column), freq=_FREQUENCIES[time_group])
        except ValueError:
            raise RequestError(f"{column!r} is not a period: use a label such as 2018-03") from None
    columns = _columns(table, time_group)
    if column not in columns:
        raise RequestError(f"the snapshot has no column {column}: it has {', '.join(table.columns)}")
    return list(columns).index(column)


def _find_block(table: ReportTable, package: str | None) -> int:
    """Return the number of the block of a package. Raise RequestError when there is none."""
    packages = [block.package for block in table.blocks]
    if not table.by_package:
        return 0
    if package not in packages:
        raise RequestError(f"name one of the packages: {', '.join(map(str, packages))}")
    return packages.index(package)


def _describe_client(client: DrilldownClient, *, exact: bool) -> list[object]:
    amounts: list[Decimal] = [client.balance, client.rounded_rate, client.converted]
    return [
        client.client_id,
        *(getattr(client, name) for name in _CLIENT_TYPES),
        *(amounts if exact else map(float, amounts)),
    ]
