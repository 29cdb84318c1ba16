{{ config(indexes=[{'columns': ['client_type', 'cohort', 'currency', 'utc_date'], 'unique': true}]) }}

with

days as (
    select * from {{ ref('int_balance_changes_daily') }}
)

{% for prefix, cohort in cohorts().items() -%}
select
    client_type,
    '{{ cohort }}' as cohort,
    currency,
    utc_date,
    {%- for measure in cohort_measures() %}
    cast(
        sum({{ prefix }}_{{ measure }}) over (partition by client_type, currency order by utc_date)
        as {{ type_money() if measure.endswith('balance') else dbt.type_bigint() }}
    ) as {{ measure }}{{ "," if not loop.last }}
    {%- endfor %}
from days
{% if not loop.last -%}
union all
{% endif -%}
{% endfor %}
