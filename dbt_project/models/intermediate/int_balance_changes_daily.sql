-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(
    materialized='incremental',
    unlogged=false,
    incremental_strategy='add',
    unique_key=['client_type', 'currency', 'utc_date'],
    meta={'counts': 'events'},
    indexes=[{'columns': ['client_type', 'currency', 'utc_date'], 'unique': true}],
) }}
{%- set summed = ['created_clients', 'clients', 'positive_clients', 'positive_balance', 'negative_clients', 'balance'] %}

with

-- Millions of events are compared with zero once and summed by what came of it: the balance before one is balance - amount. What
-- that means for the quantities and balances is asked of a few sums. Of truths the planner knows that each has two values, and
-- has two processes sum.
moved as (
    select
        client_type,
        currency,
        utc_date,
        last_paid_at is not null as is_paying,
        is_first_paid,
        balance > 0 as is_positive,
        balance < 0 as is_negative,
        balance > amount as was_positive,
        balance < amount as was_negative,
        sum(sign) as events,
        sum({{ signed('case when is_first then 1 else 0 end') }}) as first_events,
        sum({{ signed("case when kind = 'created' then 1 else 0 end") }}) as creations,
        sum({{ signed('created') }}) as created,
        sum({{ signed('amount') }}) as amount,
        sum({{ signed('balance') }}) as balance
    from ({{ changed_events() }}) as changed
    group by
        client_type,
        currency,
        utc_date,
        last_paid_at is not null,
        is_first_paid,
        balance > 0,
        balance < 0,
        balance > amount,
        balance < amount
),

-- By how much they changed the sums over all clients.
changes as (
    select
        client_type,
        currency,
        utc_date,
        is_paying,
        events,
        creations as created_clients,
        first_events as clients,
        case when is_positive then events else 0 end - case when was_positive then events else 0 end as positive_clients,
        case when is_positive then balance else 0 end - case when was_positive then balance - amount else 0 end as positive_balance,
        case when is_negative then events else 0 end - case when was_negative then events else 0 end as negative_clients,
        amount as balance
    from moved
),

-- What clients were before their first paid service: with it they join the cohort, and all of that joins with them.
joined as (
    select
        client_type,
        currency,
        utc_date,
        created - creations as created_clients,
        events - first_events as clients,
        case when was_positive then events else 0 end as positive_clients,
        case when was_positive then balance - amount else 0 end as positive_balance,
        case when was_negative then events else 0 end as negative_clients,
        balance - amount as balance
    from moved
    where is_first_paid
),

measured as (
    select
        client_type,
        currency,
        utc_date,
        {%- for measure in summed %}
        {{ measure }} as all_{{ measure }},
        case when is_paying then {{ measure }} else 0 end as paying_{{ measure }},
        {%- endfor %}
        events
    from changes
    union all
    select
        client_type,
        currency,
        utc_date,
        {%- for measure in summed %}
        0 as all_{{ measure }},
        {{ measure }} as paying_{{ measure }},
        {%- endfor %}
        0 as events
    from joined
)

select
    client_type,
    currency,
    utc_date,
    {%- for cohort in cohorts() %}
    sum({{ cohort }}_created_clients) as {{ cohort }}_created_clients,
    sum({{ cohort }}_clients) as {{ cohort }}_clients,
    sum({{ cohort }}_positive_clients) as {{ cohort }}_positive_clients,
    cast(sum({{ cohort }}_positive_balance) as {{ type_money() }}) as {{ cohort }}_positive_balance,
    sum({{ cohort }}_negative_clients) as {{ cohort }}_negative_clients,
    cast(sum({{ cohort }}_balance) - sum({{ cohort }}_positive_balance) as {{ type_money() }}) as {{ cohort }}_negative_balance,
    {%- endfor %}
    sum(events) as events
from measured
group by client_type, currency, utc_date
