-- depends_on: {{ ref('int_repriced') }}
-- depends_on: {{ ref('int_replaced_package_months') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'touched': 'int_repriced', 'instant': 'held_since', 'only_if': 'has_other_package_flows'},
    indexes=[{'columns': ['package_id', 'client_id'], 'unique': true}, {'columns': ['client_id']}],
) }}

select
    months.client_id,
    months.package_id,
    min(months.first_at) as held_since
from {{ ref('mart_client_packages_monthly') }} as months
{% if is_incremental() -%}
inner join {{ ref('int_repriced') }} as touched on months.client_id = touched.client_id
where touched.has_other_package_flows
group by months.client_id, months.package_id, touched.since
having {{ is_replaced('min(months.first_at)') }}
{%- else -%}
group by months.client_id, months.package_id
{%- endif %}
