-- depends_on: {{ ref('stg_billing__transactions') }}
-- depends_on: {{ ref('stg_billing__clients') }}
{% if as_built_before('fct_client_events') %}
{{ computed_events(of_touched=true) }}
{% else %}
select client_id from {{ ref('int_touched') }} where 1 = 0
{% endif %}
