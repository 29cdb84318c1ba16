-- Grain: one row per client type, currency, UTC date and transaction kind.
{{ config(
    incremental_strategy='add_deltas',
    unique_key=['client_type', 'currency', 'utc_date', 'kind'],
    indexes=[{'columns': ['client_type', 'currency', 'utc_date', 'kind'], 'unique': true}],
) }}
{%- set changed_events = ref('int_changed_events') -%}
{%- set clients = ref('stg_billing__clients') -%}
{%- set transactions = ref('stg_billing__transactions') %}

with

-- A full build reads the transactions, so that it does not wait for the facts.
signed_transactions as (
    {%- if is_incremental() %}
    select
        client_type,
        currency,
        {{ utc_date('occurred_at') }} as utc_date,
        kind,
        sign as quantity,
        sign * amount as amount
    from {{ changed_events }}
    where kind <> 'created'
    {%- else %}
    select
        clients.client_type,
        clients.currency,
        {{ utc_date('transactions.occurred_at') }} as utc_date,
        transactions.kind,
        1 as quantity,
        transactions.amount
    from {{ transactions }} as transactions
    inner join {{ clients }} as clients on transactions.client_id = clients.client_id
    {%- endif %}
)

select
    client_type,
    currency,
    utc_date,
    kind,
    sum(quantity) as quantity,
    cast(sum(amount) as numeric(38, 6)) as amount
from signed_transactions
group by client_type, currency, utc_date, kind
