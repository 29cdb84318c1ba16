"""The peer of deliveries: a script that a data team could write instead of this product.

It queries the same marts for the same report with SQL, shapes it with pandas, writes CSV and XLSX
with pandas and openpyxl, and mails both with smtplib. It archives and records nothing, formats no
cell, and calculates with floats.
"""

import io
import smtplib
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text

_MONTHS = """
    months as (
        select n, start_at, start_at + interval '1 month' as end_at,
               start_at - make_interval(months => :duration) as active_since
        from generate_series(cast(:first as timestamptz), cast(:last as timestamptz), interval '1 month')
            with ordinality as m (start_at, n)
    ),
    scope as (
        select client_id, currency from fct_clients
        where client_type = :client_type
            and (cast(:tag as text) is null or :tag = any(tags))
    )
"""
_RATE = """
    case when {currency} = 'USD' then 1 else (
        select rate from dim_exchange_rates r where r.currency = {currency} and r.valid_from <= {day}
        order by r.valid_from desc limit 1
    ) end
"""
_COHORTS = f"""
    with {_MONTHS},
    states as (
        select n, scope.currency, cohort.name as cohort, count(*) filter (where is_created) as qty,
               sum(balance) filter (where balance > 0) as pos, sum(balance) filter (where balance < 0) as neg,
               sum(balance) as balance
        from months
        join fct_client_events b on b.occurred_at < end_at and (b.valid_to is null or b.valid_to >= end_at)
        join scope using (client_id)
        cross join lateral (values
            ('Clients - Active', last_paid_at >= active_since),
            ('Clients - Overall Active', last_paid_at is not null),
            ('Clients - All', true)) as cohort (name, is_in)
        where cohort.is_in
        group by n, scope.currency, cohort.name
    )
    select states.*, {_RATE.format(currency="states.currency", day="cast(end_at - interval '1 day' as date)")} as rate
    from states join months using (n)
"""
_FLOWS = f"""
    with {_MONTHS},
    days as (
        select n, kind, scope.currency, cast(occurred_at at time zone 'UTC' as date) as utc_date, count(*) as qty, sum(amount) as total
        from months
        join fct_client_events t on kind <> 'created' and t.occurred_at >= start_at and t.occurred_at < end_at
        join scope using (client_id)
        group by 1, 2, 3, 4
    )
    select n, kind, sum(qty) as qty, sum(total * {_RATE.format(currency="days.currency", day="days.utc_date")}) as total
    from days group by n, kind
"""


def compute_report(
    connection: Connection, parameters: Mapping[str, Any], first: datetime, months: int
) -> pd.DataFrame:
    """Return the 21 rows of a report by month in US dollars, from `first` on.

    `parameters` has client_type, tag and duration.
    """
    starts = pd.date_range(first, periods=months, freq="MS")
    values = {**parameters, "first": starts[0].isoformat(), "last": starts[-1].isoformat()}
    cohorts = pd.read_sql_query(text(_COHORTS), connection, params=values)
    flows = pd.read_sql_query(text(_FLOWS), connection, params=values).set_index(["kind", "n"]).astype(float)
    for name in ("pos", "neg", "balance"):
        cohorts[name] = cohorts[name].astype(float) * cohorts["rate"].astype(float)
    sums = cohorts.groupby(["cohort", "n"])[["qty", "pos", "neg", "balance"]].sum(min_count=1)
    numbers = range(1, months + 1)
    rows: dict[tuple[str, str], Any] = {}
    for cohort in ("Clients - Active", "Clients - Overall Active", "Clients - All"):
        balances = sums.xs(cohort) if cohort in sums.index else sums.iloc[:0].droplevel(0)
        balances = balances.reindex(numbers)
        rows[cohort, "Qty"] = balances["qty"].fillna(0)
        for metric, name in (("Balance Pos", "pos"), ("Balance Neg", "neg"), ("Balance", "balance")):
            rows[cohort, metric] = balances[name]
    kinds = {
        kind: (flows.xs(kind) if kind in flows.index else flows.iloc[:0].droplevel(0)).reindex(numbers)
        for kind in ("refill", "usage", "package_activation", "package_renewal")
    }
    refill, usage = kinds["refill"], kinds["usage"]
    rows["Balance Refill", "Qty"] = refill["qty"].fillna(0)
    rows["Balance Refill", "Total"] = refill["total"]
    rows["Balance Refill", "Avg"] = refill["total"] / refill["qty"]
    rows["Pay As You Go", "Total"] = usage["total"]
    active = rows["Clients - Active", "Qty"].astype(float)
    rows["Pay As You Go", "Active Avg"] = usage["total"] / active.where(active > 0)
    for label, kind in (("Activation", "package_activation"), ("Renew", "package_renewal")):
        rows["Packages", f"{label} Qty"] = kinds[kind]["qty"].fillna(0)
        rows["Packages", f"{label} Total"] = kinds[kind]["total"]
    table = pd.DataFrame(rows).T.astype(float).round(2)
    table.columns = pd.Index(starts.strftime("%m/%Y"))
    return table.rename_axis(["Section", "Metric"]).reset_index()


def render_files(table: pd.DataFrame) -> dict[str, bytes]:
    """Return the table as CSV and as XLSX, by extension."""
    workbook = io.BytesIO()
    table.to_excel(workbook, index=False, na_rep="N/A", engine="openpyxl")
    return {"csv": table.to_csv(index=False, na_rep="N/A").encode(), "xlsx": workbook.getvalue()}


def send_mail(smtp: smtplib.SMTP, title: str, recipient: str, attachments: Mapping[str, bytes]) -> None:
    """Send one mail with the files."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "reports@example.com", recipient, title
    message.set_content("The report is attached.")
    for extension, content in attachments.items():
        message.add_attachment(content, "application", "octet-stream", filename=f"report.{extension}")
    smtp.send_message(message)
