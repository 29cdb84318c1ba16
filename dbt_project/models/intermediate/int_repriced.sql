{{ config(indexes=[{'columns': ['client_id'], 'unique': true}]) }}

with

touched as (
    select
        client_id,
        since
    from {{ ref('int_touched') }}
    union all
    select
        clients.client_id,
        rates.since
    from {{ source('build', 'touched_rates') }} as rates
    inner join {{ ref('fct_clients') }} as clients on rates.currency = clients.currency
)

select
    client_id,
    case when count(*) = count(since) then {{ utc_month('min(since)') }} end as since
from touched
group by client_id
