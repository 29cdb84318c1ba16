{{ config(
    incremental_strategy='add',
    unique_key=['client_type', 'currency', 'utc_date', 'kind'],
    indexes=[{'columns': ['client_type', 'currency', 'utc_date', 'kind'], 'unique': true}],
) }}
{%- set changed_events = ref('int_changed_events') -%}
{%- set clients = ref('stg_billing__clients') -%}
{%- set transactions = ref('stg_billing__transactions') %}

with

-- A full build reads the transactions, so that it need not wait for the facts.
moved as (
    {%- if is_incremental() %}
    select
        client_type,
        currency,
        {{ utc_date('occurred_at') }} as utc_date,
        kind,
        amount,
        sign
    from {{ changed_events }}
    where kind <> 'created'
    {%- else %}
    select
        clients.client_type,
        clients.currency,
        {{ utc_date('transactions.occurred_at') }} as utc_date,
        transactions.kind,
        transactions.amount,
        1 as sign
    from {{ transactions }} as transactions
    inner join {{ clients }} as clients on transactions.client_id = clients.client_id
    {%- endif %}
),

summed as (
    select
        client_type,
        currency,
        utc_date,
        kind,
        sign,
        count(*) as quantity,
        sum(amount) as amount
    from moved
    group by client_type, currency, utc_date, kind, sign
)

select
    client_type,
    currency,
    utc_date,
    kind,
    cast(sum(sign * quantity) as bigint) as quantity,
    cast(sum(sign * amount) as numeric(38, 6)) as amount
from summed
group by client_type, currency, utc_date, kind
