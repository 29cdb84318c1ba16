{# Set what the session of a model needs, until the end of its transaction.
   - A build sorts and hashes millions of rows once, and compiling a statement takes longer than it
     saves.
   - The planner overestimates how often values repeat and would look up the rows of a day one by
     one (memoize).
   - It also overestimates the cost of rows that pass between processes and would not scan in
     parallel.
   - The commit of a model does not wait for the disk. The ledger commits with a wait before a build
     is published. #}
{% macro build_settings() -%}
    set local work_mem = '256MB'; set local maintenance_work_mem = '256MB'; set local jit = off;
    set local random_page_cost = 1.1; set local enable_memoize = off; set local parallel_tuple_cost = 0.01;
    set local synchronous_commit = off
{%- endmacro %}

{# Analyze a table that this build filled. An incremental build changes few rows of a large table:
   the statistics of the last full build stay good, and the server renews them when many rows have
   changed.

   `meta.statistics` names expressions that models group the table by. Without statistics the
   planner expects too many groups, and sums in one process. Autovacuum stays away from a table that
   each build replaces: the build would wait until vacuum gives up. While dbt parses, `config` has
   no values. #}
{% macro after_filling() -%}
    {%- set is_replaced = config.get('incremental_strategy') == 'replace_all' -%}
    {%- if execute and flags.FULL_REFRESH %}
    {%- for expression in config.get('meta', {}).get('statistics', []) %} create statistics on ({{ expression }}) from {{ this }}; {% endfor %}
    {%- if is_replaced %} alter table {{ this }} set (autovacuum_enabled = false); {% endif -%}
    {%- endif %}
    {%- if flags.FULL_REFRESH or is_replaced %} analyze {{ this }} {% endif -%}
{%- endmacro %}

{# Record that this build has finished the model, in the transaction that changes its rows. dbt
   renders hooks when it parses too; a variable that it saw then would make it parse the project
   again for each build. #}
{% macro record_step() -%}
    {%- if execute %} select dynamics.record_build_step({{ env_var('DYNAMICS_DBT_BUILD_ID') }}, '{{ this.identifier }}') {% endif -%}
{%- endmacro %}
