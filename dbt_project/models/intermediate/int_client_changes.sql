with

transactions as (
    select * from {{ ref('stg_billing__transactions') }}
),

clients as (
    select * from {{ ref('stg_billing__clients') }}
),

changes as (
    select
        client_id,
        occurred_at,
        amount,
        case when is_paid_service then occurred_at end as paid_at,
        0 as created
    from transactions
    union all
    select
        client_id,
        created_at as occurred_at,
        0 as amount,
        null as paid_at,
        1 as created
    from clients
)

select
    client_id,
    occurred_at,
    sum(amount) as amount,
    max(paid_at) as paid_at,
    max(created) as created
from changes
group by client_id, occurred_at
