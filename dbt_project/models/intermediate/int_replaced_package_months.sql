-- depends_on: {{ ref('int_repriced') }}
{#- Reads the marts as they were before this build: what the build takes away there, the sums of packages lose. -#}
{% if as_built_before('mart_packages_monthly') %}
{{ repriced_package_months(
    as_built_before('fct_clients'),
    as_built_before('fct_package_holdings'),
    as_built_before('mart_clients_monthly'),
    as_built_before('mart_client_packages_monthly')
) }}
{% else %}
select '' as package_id from {{ ref('int_repriced') }} where 1 = 0
{% endif %}
