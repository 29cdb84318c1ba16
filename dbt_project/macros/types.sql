{# Sums of amounts: as wide as any ledger will need, with the six places of an amount (spec 1). #}
{% macro type_money() %}numeric(38, 6){% endmacro %}

{# Sums of amounts times rates: six and eighteen places (spec 1), nothing rounded. #}
{% macro type_converted() %}numeric(62, 24){% endmacro %}

{# A list of texts. #}
{% macro type_texts() %}{{ return(adapter.dispatch('type_texts')()) }}{% endmacro %}
{% macro default__type_texts() %}text[]{% endmacro %}
{% macro spark__type_texts() %}array<string>{% endmacro %}

{# An instant, with its zone. #}
{% macro type_instant() %}{{ return(adapter.dispatch('type_instant')()) }}{% endmacro %}
{% macro default__type_instant() %}timestamp with time zone{% endmacro %}
{% macro spark__type_instant() %}timestamp{% endmacro %}
