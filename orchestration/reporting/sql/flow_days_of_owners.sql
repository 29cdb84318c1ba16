-- The same of the clients of some owners.
select utc_date, kind, currency, quantity, amount
from mart_owner_flows_daily
where client_type = %(client_type)s and owner_id = any(%(owner_ids)s)
