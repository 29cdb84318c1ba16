{# The currency that rates are given in; its own is 1 (spec 6). #}
{% macro base_currency() %}'{{ env_var('DYNAMICS_DBT_BASE_CURRENCY', 'USD') }}'{% endmacro %}

{# What a report says of a cohort at an instant (spec 5), each of them a sum over clients. #}
{% macro cohort_measures() %}
{{ return([
    'created_clients', 'clients', 'positive_clients', 'positive_balance', 'negative_clients', 'negative_balance'
]) }}
{% endmacro %}

{# The cohorts that do not depend on the active duration, by the prefix of their measures in int_balance_changes_daily. #}
{% macro cohorts() %}
{{ return({'all': 'Clients - All', 'paying': 'Clients - Overall Active'}) }}
{% endmacro %}

{# The kinds of transactions whose sums a report shows (spec 5). #}
{% macro flow_kinds() %}
{{ return(['refill', 'usage', 'package_activation', 'package_renewal']) }}
{% endmacro %}

{# Those of them that can be of a package. #}
{% macro package_kinds() %}
{{ return(['package_activation', 'package_renewal']) }}
{% endmacro %}

{# Whether an event is an activation or renewal of some package: its client holds that from then on (spec 5). #}
{% macro is_of_a_package(event) -%}
    {{ event }}.kind in ('{{ package_kinds() | join("', '") }}') and {{ event }}.package_id <> ''
{%- endmacro %}

{# Whether an event is a charge for a service, which makes its client active (spec 5): a free one or a credit is none. #}
{% macro is_paid_service(event) -%}
    {{ event }}.kind in ('usage', '{{ package_kinds() | join("', '") }}') and {{ event }}.amount < 0
{%- endmacro %}

{# The earliest instant at which a client last paid at `paid_at` can have lapsed: an active duration is at least a
   month, and the shortest is February's 28 days, less what a change of the clocks or of the date line takes. #}
{% macro shortest_lapse(paid_at) %}{{ dbt.dateadd('day', 26, paid_at) }}{% endmacro %}
