{# Set the options of Postgres for one model, until the end of its transaction.
   - A build sorts and hashes many rows once, so it gets more memory. Compiling a statement (jit) takes
     longer than it saves.
   - The planner overestimates how often values repeat. With memoize it would look up the rows of a day
     one by one.
   - The planner overestimates the cost of passing rows between processes, and would not scan in
     parallel.
   - The commit of a model does not wait for the disk. The ledger commits with a wait before a build is
     published. #}
{% macro build_settings() -%}
    set local work_mem = '256MB'; set local maintenance_work_mem = '256MB'; set local jit = off;
    set local random_page_cost = 1.1; set local enable_memoize = off; set local parallel_tuple_cost = 0.01;
    set local synchronous_commit = off
{%- endmacro %}

{# Analyze a table that this build has filled. An incremental build changes few rows of a large table,
   so the statistics of the last full build stay good. The server updates them after many changes.

   `meta.statistics` names expressions that models group the table by. Without these statistics the
   planner expects too many groups and sums in one process. Autovacuum is off for a table that each
   build replaces, because the build would have to wait for it. While dbt parses, `config` has no
   values. #}
{% macro after_filling() -%}
    {%- set is_replaced = config.get('incremental_strategy') == 'replace_all' -%}
    {%- if execute and flags.FULL_REFRESH %}
    {%- for expression in config.get('meta', {}).get('statistics', []) %} create statistics on ({{ expression }}) from {{ this }}; {% endfor %}
    {%- if is_replaced %} alter table {{ this }} set (autovacuum_enabled = false); {% endif -%}
    {%- endif %}
    {%- if flags.FULL_REFRESH or is_replaced %} analyze {{ this }} {% endif -%}
{%- endmacro %}

{# Record that this build has finished the model, in the transaction that changes its rows. `execute`
   is false while dbt parses: if dbt read the number of the build then, it would parse the project
   again for each build. #}
{% macro record_step() -%}
    {%- if execute %} select dynamics.record_build_step({{ env_var('DYNAMICS_DBT_BUILD_ID') }}, '{{ this.identifier }}') {% endif -%}
{%- endmacro %}
