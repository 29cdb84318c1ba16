{{ config(indexes=[{'columns': ['tag', 'client_id'], 'unique': true}]) }}

select
    client_id,
    tag
from {{ ref('stg_billing__client_tags') }}
