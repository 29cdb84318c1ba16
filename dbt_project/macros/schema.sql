{# Every model lives in the schema that the build names: two schemas take turns, and only a finished build
   is read (docs/decisions.md, "Two schemas take turns"). #}
{% macro generate_schema_name(custom_schema_name, node) %}{{ target.schema }}{% endmacro %}
