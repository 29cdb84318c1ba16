{# Return total / quantity, rounded half away from zero to two decimals (definition: Rounding). `div`
   is exact. The operator `/` already rounds its result, and rounding twice can give a wrong cent. #}
{% macro exact_average(total, quantity) -%}
    cast(
        sign({{ total }}) * div(200 * abs({{ total }}) + {{ quantity }}, nullif(2 * {{ quantity }}, 0)) / 100
        as numeric(38, 2)
    )
{%- endmacro %}

{# Return the report Customer Dynamics, one row per client type, currency and UTC period. `unit` is
   date, month or year. #}
{% macro customer_dynamics(unit) -%}
{%- set period = 'utc_' ~ unit -%}
{%- set trunc = 'day' if unit == 'date' else unit -%}
{%- set kinds = {
    'refill': 'refill', 'usage': 'usage', 'activation': 'package_activation', 'renewal': 'package_renewal'
} -%}
with

cohort_changes as (
    select * from {{ ref('mart_cohort_changes') }}
),

flows as (
    select * from {{ ref('mart_flows_daily') }}
),

current_build as (
    select * from {{ source('ledger', 'current_build') }}
),

-- The last UTC date that began before as_of.
known_dates as (
    select cast((as_of - interval '1 microsecond') at time zone interval '0 hours' as date) as last_date
    from current_build
),

-- Active clients are the overall active clients minus the lapsed ones.
changes as (
    select
        client_type,
        currency,
        {{ first_date('utc_date', unit) }} as {{ period }},
        {%- for measure in cohort_measures() %}
        sum(
            case cohort
                when 'overall_active' then {{ measure }}
                when 'lapsed_by_{{ unit }}' then -{{ measure }}
            end
        ) as active_{{ measure }},
        sum({{ measure }}) filter (where cohort = 'overall_active') as overall_active_{{ measure }},
        sum({{ measure }}) filter (where cohort = 'all') as all_{{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from cohort_changes
    cross join known_dates
    where utc_date <= last_date
    group by 1, 2, 3
),

period_flows as (
    select
        client_type,
        currency,
        {{ first_date('utc_date', unit) }} as {{ period }},
        {%- for name, kind in kinds.items() %}
        cast(coalesce(sum(quantity) filter (where kind = '{{ kind }}'), 0) as bigint) as {{ name }}_qty,
        cast(sum(amount) filter (where kind = '{{ kind }}') as numeric(38, 6)) as {{ name }}_total{{ "," if not loop.last }}
        {%- endfor %}
    from flows
    cross join known_dates
    where utc_date <= last_date
    group by 1, 2, 3
),

-- All periods from the first event on, so that the view has no gap.
periods as (
    select
        client_type,
        currency,
        cast(
            generate_series(min({{ period }}), max(last_date), interval '1 {{ trunc }}') as date
        ) as {{ period }}
    from changes
    cross join known_dates
    group by client_type, currency
),

cohorts as (
    select
        periods.client_type,
        periods.currency,
        periods.{{ period }},
        {%- for cohort in ('active', 'overall_active', 'all') %}
        {%- set outer_loop = loop %}
        {%- for measure in cohort_measures() %}
        coalesce(sum(changes.{{ cohort }}_{{ measure }}) over so_far, 0) as {{ cohort }}_{{ measure }}
        {{- "," if not (outer_loop.last and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from periods
    left join changes using (client_type, currency, {{ period }})
    window so_far as (partition by client_type, currency order by {{ period }})
)

select
    cohorts.client_type,
    cohorts.currency,
    cohorts.{{ period }},
    {%- for cohort in ('active', 'overall_active', 'all') %}
    cast(cohorts.{{ cohort }}_created_clients as bigint) as {{ cohort }}_qty,
    cast(
        case when cohorts.{{ cohort }}_positive_clients > 0 then cohorts.{{ cohort }}_positive_balance end
        as numeric(38, 6)
    ) as {{ cohort }}_balance_pos,
    cast(
        case when cohorts.{{ cohort }}_negative_clients > 0 then cohorts.{{ cohort }}_negative_balance end
        as numeric(38, 6)
    ) as {{ cohort }}_balance_neg,
    cast(
        case
            when cohorts.{{ cohort }}_clients > 0
                then cohorts.{{ cohort }}_positive_balance + cohorts.{{ cohort }}_negative_balance
        end
        as numeric(38, 6)
    ) as {{ cohort }}_balance,
    {%- endfor %}
    coalesce(period_flows.refill_qty, 0) as refill_qty,
    period_flows.refill_total,
    {{ exact_average('period_flows.refill_total', 'period_flows.refill_qty') }} as refill_avg,
    period_flows.usage_total as pay_as_you_go_total,
    {{ exact_average('period_flows.usage_total', 'cohorts.active_created_clients') }} as pay_as_you_go_active_avg,
    coalesce(period_flows.activation_qty, 0) as activation_qty,
    period_flows.activation_total,
    coalesce(period_flows.renewal_qty, 0) as renew_qty,
    period_flows.renewal_total as renew_total
from cohorts
left join period_flows using (client_type, currency, {{ period }})
{%- endmacro %}
