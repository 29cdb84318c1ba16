{{ config(indexes=[
    {'columns': ['package_id', 'client_id'], 'unique': true},
    {'columns': ['client_id']},
]) }}

select
    client_id,
    package_id,
    min(occurred_at) as held_since
from {{ ref('stg_billing__transactions') }}
where is_holding
group by client_id, package_id
