{# How an incremental build changes the tables in place.

   Order
   1. int_changed_clients says what is rebuilt: the clients, and the instant from which the events of
      each of them are rebuilt.
   2. int_changed_events is one signed stream of events: the superseded events that the facts lose
      (sign -1), and the rebuilt events that they gain (sign 1).
   3. The facts and marts read these events by ref(), so dbt runs them afterwards.
   Steps 1 and 2 read the facts as the last build left them. They are complete before any fact
   changes. The dimensions do not depend on events. They are small, so a build copies all rows.

   Contract
   A model with the materialization `in_place` is a table. A full build creates it from the query of
   the model. An incremental build runs the query once and changes the table by the strategy that
   the model names as `incremental_strategy`:

   strategy                 deletes                                     then
   replace_all              all rows                                    inserts the query
   replace_changed_events   the events with sign -1                     inserts the query
   replace_changed_clients  the clients with changed attributes         inserts the query
   add_deltas               nothing                                     adds the query to the rows with
                                                                        the same `unique_key`

   After add_deltas no row has sums that are all zero: a full build has no such row either. The table
   after an incremental build equals the table after a full build, row for row.

   add_deltas must run once per build. The hook `record_step` writes the step in the transaction that
   changes the rows. Postgres refuses a step that is already recorded, and the transaction fails. The
   next build finishes an interrupted build by running the steps that are not recorded. #}

{# Return true in an incremental build. `dynamics build` decides, and passes --full-refresh to dbt for
   a full build. This replaces the macro of dbt, which asks the cache of relations. The cache also has
   the tables that the same run has created. #}
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

{# Create a table of a full build. This replaces the macro of dbt, which creates an empty table and
   inserts the rows when the model has a contract: Postgres runs an insert in one process, and
   `create table as` in several. The contract holds here too: dbt compares names and types, each
   column is cast to its type, and the constraints follow at the end. Unit tests create temporary
   tables. #}
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

{# The join by key uses the index for few rows and a scan for many. #}
{% macro replace_changed_events(target, columns, query) -%}
    delete from {{ target }} as facts
    using {{ ref('int_changed_events') }} as superseded
    where
        superseded.sign = -1
        and facts.client_id = superseded.client_id
        and facts.occurred_at = superseded.occurred_at
        and facts.transaction_id = superseded.transaction_id;
    {{ insert_rows(target, columns, query) }}
{%- endmacro %}

{% macro replace_changed_clients(target, columns, query) -%}
    delete from {{ target }} as clients
    using {{ ref('int_changed_clients') }} as changed
    where changed.attributes_changed and clients.client_id = changed.client_id;
    {{ insert_rows(target, columns, query) }}
{%- endmacro %}

{% macro add_deltas(target, columns, query) -%}
    {%- set keys = config.get('unique_key') -%}
    {%- set sums = columns | reject('in', keys) | list -%}
    insert into {{ target }} as totals ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from (
        {{ query }}
    ) as deltas
    where {{ sums | join(' <> 0 or ') }} <> 0
    on conflict ({{ keys | join(', ') }}) do update set
    {%- for column in sums %}
        {{ column }} = totals.{{ column }} + excluded.{{ column }}{{ "," if not loop.last }}
    {%- endfor %};
    delete from {{ target }} where {{ sums | join(' = 0 and ') }} = 0
{%- endmacro %}

{% macro insert_rows(target, columns, query) -%}
    insert into {{ target }} ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from (
        {{ query }}
    ) as new_rows
{%- endmacro %}
