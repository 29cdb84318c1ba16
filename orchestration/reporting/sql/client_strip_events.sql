-- Events of members between a boundary and the month's end where it is closed.
select group_number, closes as period, sign, currency, kind, amount, balance, created, last_paid_at, is_first, is_first_paid
from strip_events_of_members
where
    closes > 0
    and closes between first_held and last_held
