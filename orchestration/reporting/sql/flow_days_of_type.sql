-- What moved by UTC day, of all clients of a type.
select utc_date, kind, currency, quantity, amount
from mart_flows_daily
where client_type = %(client_type)s
