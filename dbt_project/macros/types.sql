{# Sums of amounts: as wide as any ledger will need, with the six places of an amount (spec 1). #}
{% macro type_money() %}numeric(38, 6){% endmacro %}
