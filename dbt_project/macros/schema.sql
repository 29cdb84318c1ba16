{# Return the schema of every model: the one that the profile names. dbt would add a prefix to a
   custom schema. #}
{% macro generate_schema_name(custom_schema_name, node) %}{{ target.schema }}{% endmacro %}
