select
    transaction_id,
    client_id,
    occurred_at,
    kind,
    amount,
    package_id,
    coalesce(kind in ('usage', 'package_activation', 'package_renewal') and amount < 0, false) as is_paid_service,
    coalesce(kind in ('package_activation', 'package_renewal') and package_id is not null, false) as is_holding
from {{ source('billing', 'transactions') }}
where voided_at is null
