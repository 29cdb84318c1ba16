{# How an incremental build changes the marts in place.

   Order: int_changed_clients names the clients to rebuild and where their rebuilt events begin.
   int_changed_events holds the rows that fct_client_events loses (sign -1) and gains (sign 1). Both
   read the facts as the last build left them, so both are complete before any fact changes. All
   other models of an incremental build derive from these two, except the dimensions, which are
   small and copied whole.

   Models with the materialization `in_place` are tables. A full build makes them as any table. An
   incremental build runs their query once and changes the table by the model's
   `incremental_strategy`:
   - replace_all      replaces all rows by those of the query.
   - replace_events   deletes the events with sign -1 and inserts the rows of the query.
   - replace_clients  deletes the clients whose own row changed and inserts the rows of the query.
   - add              adds the rows of the query to the rows with the same `unique_key`. A row whose
                      sums are all zero is deleted: a full build does not have it either.

   `add` must run once a build. The hook `record_step` writes the step in the transaction that
   changes the rows, and a step that is recorded already makes that transaction fail. A build that
   was interrupted is finished by running the steps that are not recorded. #}

{# Return true in an incremental build. `dynamics build` decides this and passes --full-refresh to
   dbt otherwise. dbt's relation cache must not decide: it knows tables that this very run has made.
#}
{% macro is_incremental() %}
{{ return(execute and not flags.FULL_REFRESH) }}
{% endmacro %}

{% materialization in_place, default %}
    {%- if flags.FULL_REFRESH -%}
        {{ return(materialization_table_default()) }}
    {%- endif -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {{ context[config.get('incremental_strategy')](this, model.columns | list, sql) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{# Create a table of a full build. dbt would create it empty and insert the rows, because the model
   has a contract; Postgres runs an insert in one process and `create table as` in several. The
   contract holds all the same: dbt compares names and types, each column is cast to its type, and
   constraints are added at the end. Unit tests create temporary tables. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- if temporary %}
    create temporary table {{ relation }} as ({{ sql }});
    {%- else %}
    {{ get_assert_columns_equivalent(sql) }}
    create table {{ relation }} as
    select
        {%- for column in model.columns.values() %}
        cast({{ column.name }} as {{ column.data_type }}) as {{ column.name }}{{ "," if not loop.last }}
        {%- endfor %}
    from (
        {{ sql }}
    ) as new_rows;
    {%- set required = model.columns.values() | selectattr('constraints') | map(attribute='name') | list %}
    {%- if required %}
    alter table {{ relation }}
    {%- for column in required %} alter column {{ column }} set not null{{ "," if not loop.last }} {% endfor %};
    {%- endif %}
    {%- endif %}
{%- endmacro %}

{% macro replace_all(target, columns, query) -%}
    truncate {{ target }};
    {{ insert_rows(target, columns, query) }}
{%- endmacro %}

{# The join by key finds single rows by index and many rows by a scan. Arrays of row addresses would
   end at 67 million. #}
{% macro replace_events(target, columns, query) -%}
    delete from {{ target }} as facts
    using {{ ref('int_changed_events') }} as replaced
    where
        replaced.sign = -1
        and facts.client_id = replaced.client_id
        and facts.occurred_at = replaced.occurred_at
        and facts.transaction_id = replaced.transaction_id;
    {{ insert_rows(target, columns, query) }}
{%- endmacro %}

{% macro replace_clients(target, columns, query) -%}
    delete from {{ target }} as clients
    using {{ ref('int_changed_clients') }} as changed
    where changed.client_changed and clients.client_id = changed.client_id;
    {{ insert_rows(target, columns, query) }}
{%- endmacro %}

{% macro add(target, columns, query) -%}
    {%- set keys = config.get('unique_key') -%}
    {%- set sums = columns | reject('in', keys) | list -%}
    insert into {{ target }} as known ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from (
        {{ query }}
    ) as changes
    where {{ sums | join(' <> 0 or ') }} <> 0
    on conflict ({{ keys | join(', ') }}) do update set
    {%- for column in sums %}
        {{ column }} = known.{{ column }} + excluded.{{ column }}{{ "," if not loop.last }}
    {%- endfor %};
    delete from {{ target }} where {{ sums | join(' = 0 and ') }} = 0
{%- endmacro %}

{% macro insert_rows(target, columns, query) -%}
    insert into {{ target }} ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from (
        {{ query }}
    ) as new_rows
{%- endmacro %}
