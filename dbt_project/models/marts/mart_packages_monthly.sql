-- depends_on: {{ ref('int_repriced') }}
-- depends_on: {{ ref('int_replaced_package_months') }}
{%- set members = [
    ref('fct_clients'), ref('fct_package_holdings'), ref('mart_clients_monthly'), ref('mart_client_packages_monthly')
] %}
{{ config(
    materialized='incremental',
    incremental_strategy='add',
    unique_key=package_months_key(),
    meta={'counts': 'clients'},
    indexes=[{'columns': package_months_key(), 'unique': true}],
) }}

{% if is_incremental() -%}
select
    {{ package_months_key() | join(', ') }},
    {%- for summed in package_months_sums() %}
    {%- set type = type_money() if summed.endswith('_balance') else type_converted() if summed.endswith('_amount') else dbt.type_bigint() %}
    cast(sum({{ signed(summed) }}) as {{ type }}) as {{ summed }}{{ "," if not loop.last }}
    {%- endfor %}
from (
    select *, 1 as sign from ({{ repriced_package_months(*members) }}) as made_anew
    union all
    select *, -1 as sign from {{ ref('int_replaced_package_months') }}
) as changed
group by {{ package_months_key() | join(', ') }}
{%- else -%}
{{ package_months(*members) }}
{%- endif %}
