{{ config(indexes=[{'columns': ['client_type', 'cohort', 'currency', 'utc_date'], 'unique': true}]) }}

with

balances as (
    select * from {{ ref('fct_balances') }}
),

changes as (
    {{ cohort_changes('Clients - All', 'true', 'not is_first') }}
    union all
    {{ cohort_changes('Clients - Overall Active', 'last_paid_at is not null', 'previous_paid_at is not null') }}
),

days as (
    select
        client_type,
        cohort,
        currency,
        utc_date,
        {%- for measure in cohort_measures() %}
        sum({{ measure }}) as {{ measure }}{{ "," if not loop.last }}
        {%- endfor %}
    from changes
    group by client_type, cohort, currency, utc_date
)

select
    client_type,
    cohort,
    currency,
    utc_date,
    {%- for measure in cohort_measures() %}
    cast(
        sum({{ measure }}) over (partition by client_type, cohort, currency order by utc_date)
        as {{ type_money() if measure.endswith('balance') else dbt.type_bigint() }}
    ) as {{ measure }}{{ "," if not loop.last }}
    {%- endfor %}
from days
