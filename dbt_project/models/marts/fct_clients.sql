{{ config(indexes=[
    {'columns': ['client_id'], 'unique': true},
    {'columns': ['client_type', 'owner_id']},
]) }}

select
    client_id,
    name,
    client_type,
    owner_id,
    currency,
    created_at
from {{ ref('stg_billing__clients') }}
