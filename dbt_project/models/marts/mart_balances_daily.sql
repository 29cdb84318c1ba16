{{ config(indexes=[{'columns': ['client_type', 'cohort', 'currency', 'utc_date'], 'unique': true}]) }}

with

days as (
    select
        client_type,
        currency,
        utc_date,
        {%- for prefix in cohorts() %}{% set last_prefix = loop.last %}
        {%- for measure in cohort_measures() %}
        sum({{ prefix }}_{{ measure }}) as {{ prefix }}_{{ measure }}{{ "," if not (last_prefix and loop.last) }}
        {%- endfor %}
        {%- endfor %}
    from {{ ref('mart_owner_changes_daily') }}
    group by client_type, currency, utc_date
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
