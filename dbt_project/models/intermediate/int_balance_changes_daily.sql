-- After fct_lapses, so that the clients' months, for which others wait, are sooner there: depends_on: {{ ref('fct_lapses') }}
-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='add',
    unique_key=['client_type', 'currency', 'utc_date'],
    meta={'counts': 'events'},
    indexes=[{'columns': ['client_type', 'currency', 'utc_date'], 'unique': true}],
) }}
{%- set summed = ['created_clients', 'clients', 'positive_clients', 'positive_balance', 'negative_clients', 'balance'] %}

with

-- The events are read twice, once for each sum, because a part of a query that is named and used twice is first written out
-- as a whole. By how much every event changed the sums over all clients. The balance before it is balance - amount: to compare the
-- two with zero and with each other costs less than to compute it, and there are millions of them.
changes as (
    select
        client_type,
        currency,
        utc_date,
        last_paid_at is not null as is_paying,
        sum(sign * case when kind = 'created' then 1 else 0 end) as created_clients,
        sum(sign * case when is_first then 1 else 0 end) as clients,
        sum(sign * (case when balance > 0 then 1 else 0 end - case when balance > amount then 1 else 0 end)) as positive_clients,
        sum({{ signed("case when balance > 0 and balance > amount then amount when balance > 0 then balance when balance > amount then amount - balance else 0 end") }}) as positive_balance,
        sum(sign * (case when balance < 0 then 1 else 0 end - case when balance < amount then 1 else 0 end)) as negative_clients,
        sum({{ signed('amount') }}) as balance,
        sum(sign) as events
    from ({{ changed_events() }}) as changed
    group by client_type, currency, utc_date, last_paid_at is not null
),

-- What clients were before their first paid service: with it they join the cohort, and all of that joins with them.
joined as (
    select
        client_type,
        currency,
        utc_date,
        sum(sign * (created - case when kind = 'created' then 1 else 0 end)) as created_clients,
        sum(sign * case when is_first then 0 else 1 end) as clients,
        sum(sign * case when balance > amount then 1 else 0 end) as positive_clients,
        sum({{ signed('case when balance > amount then balance - amount else 0 end') }}) as positive_balance,
        sum(sign * case when balance < amount then 1 else 0 end) as negative_clients,
        sum({{ signed('balance - amount') }}) as balance
    from ({{ changed_events() }}) as changed
    where is_first_paid
    group by client_type, currency, utc_date
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
