-- Grain: one row per currency and first UTC date of a rate.
{{ config(incremental_strategy='replace_all', indexes=[{'columns': ['currency', 'valid_from'], 'unique': true}]) }}

select
    currency,
    valid_from,
    rate
from {{ ref('stg_billing__exchange_rates') }}
