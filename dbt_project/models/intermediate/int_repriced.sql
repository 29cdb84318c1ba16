-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(indexes=[{'columns': ['client_id'], 'unique': true}]) }}

with

touched as (
    select
        client_id,
        since,
        coalesce(since, {{ long_ago() }}) as renewed_since,
        false as has_other_rates
    from {{ ref('int_touched') }}
    union all
    select
        clients.client_id,
        rates.since,
        {{ never() }} as renewed_since,
        true as has_other_rates
    from {{ source('build', 'touched_rates') }} as rates
    inner join {{ ref('stg_billing__clients') }} as clients on rates.currency = clients.currency
),

-- Who may hold other packages now, or since another instant, is in other groups in all of its months. The event at the touched
-- instant is as it was: the one before the change.
regrouped as (
    {%- if as_built_before('fct_client_events') %}
    {%- for events in ('int_renewed_events', 'int_replaced_events') %}
    select events.client_id
    from {{ ref(events) }} as events
    inner join {{ ref('int_touched') }} as known on events.client_id = known.client_id
    where
        {{ is_of_a_package('events') }}
        and (known.since is null or events.occurred_at > known.since)
    {{ 'union distinct' if not loop.last }}
    {%- endfor %}
    {%- else %}
    select client_id from {{ ref('int_touched') }} where 1 = 0
    {%- endif %}
),

repriced as (
    select
        client_id,
        case when count(*) = count(since) then {{ utc_month('min(since)') }} end as since,
        min(renewed_since) as renewed_since,
        max(case when has_other_rates then 1 else 0 end) = 1 as has_other_rates
    from touched
    group by client_id
)

select
    repriced.client_id,
    repriced.since,
    repriced.renewed_since,
    case when regrouped.client_id is null then repriced.since end as packages_since,
    repriced.since is null or repriced.has_other_rates or regrouped.client_id is not null as has_other_package_flows
from repriced
left join regrouped on repriced.client_id = regrouped.client_id
