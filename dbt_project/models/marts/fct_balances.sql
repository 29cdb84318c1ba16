{{ config(indexes=[{'columns': ['client_id', 'valid_from'], 'unique': true}]) }}

with

changes as (
    select * from {{ ref('int_client_changes') }}
)

select
    client_id,
    occurred_at as valid_from,
    lead(occurred_at) over (partition by client_id order by occurred_at) as valid_to,
    cast(sum(amount) over (partition by client_id order by occurred_at) as {{ type_money() }}) as balance,
    max(paid_at) over (partition by client_id order by occurred_at) as last_paid_at,
    max(created) over (partition by client_id order by occurred_at) as created
from changes
