-- Events of all clients of a type between a boundary and its closing instant.
select
    1 as group_number, strips.period, strips.sign,
    currency, kind, amount, balance, created, last_paid_at, is_first, is_first_paid
from unnest(%(strip_starts)s::timestamptz[], %(strip_ends)s::timestamptz[], %(strip_signs)s::int[])
    with ordinality as strips (start_at, end_at, sign, period)
cross join lateral ({strip}) as events
