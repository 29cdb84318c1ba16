{# Return the schema of all models: the one that the profile names. This replaces the macro of dbt,
   which adds a prefix to a custom schema. #}
{% macro generate_schema_name(custom_schema_name, node) %}{{ target.schema }}{% endmacro %}
