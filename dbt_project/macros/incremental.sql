{# How an incremental build changes the marts in place.

   Order: int_changed_clients names the clients to rebuild and where their rebuilt events begin. int_changed_events
   holds the rows that fct_client_events loses (sign -1) and gains (sign 1). Both read the facts as the last build
   left them, so both are complete before any fact changes. All other models of an incremental build derive from
   these two.

   Strategies:
   - replace_events   deletes the rows with sign -1 and inserts the rows of the model.
   - replace_clients  deletes the clients whose own row changed and inserts the rows of the model.
   - add              adds the rows of the model to the rows with the same unique_key. A row whose sums are all
                      zero is deleted: a full build does not have it either.

   `add` must run once a build. The hook `record_step` writes the step in the transaction that changes the rows. A step
   that is recorded already makes that transaction fail. A build that was killed is finished by running the steps
   that are not recorded. #}

{# Return true in an incremental build. `dynamics build` decides this and passes --full-refresh to dbt otherwise.
   dbt's relation cache must not decide: it knows tables that this very run has made. #}
{% macro is_incremental() %}
{{ return(execute and not flags.FULL_REFRESH) }}
{% endmacro %}

{% macro get_incremental_replace_events_sql(arguments) -%}
    {%- set target = arguments['target_relation'] -%}
    delete from {{ target }} as facts
    using {{ ref('int_changed_events') }} as replaced
    where
        replaced.sign = -1
        and facts.client_id = replaced.client_id
        and facts.occurred_at = replaced.occurred_at
        and facts.transaction_id = replaced.transaction_id;
    {{ insert_rows(arguments) }}
{%- endmacro %}

{% macro get_incremental_replace_clients_sql(arguments) -%}
    delete from {{ arguments['target_relation'] }} as clients
    using {{ ref('int_changed_clients') }} as changed
    where changed.client_changed and clients.client_id = changed.client_id;
    {{ insert_rows(arguments) }}
{%- endmacro %}

{% macro get_incremental_add_sql(arguments) -%}
    {%- set target = arguments['target_relation'] -%}
    {%- set keys = arguments['unique_key'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='name') | list -%}
    {%- set sums = columns | reject('in', keys) | list -%}
    insert into {{ target }} as known ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from {{ arguments['temp_relation'] }}
    where {{ sums | join(' <> 0 or ') }} <> 0
    on conflict ({{ keys | join(', ') }}) do update set
    {%- for column in sums %}
        {{ column }} = known.{{ column }} + excluded.{{ column }}{{ "," if not loop.last }}
    {%- endfor %};
    delete from {{ target }} where {{ sums | join(' = 0 and ') }} = 0
{%- endmacro %}

{% macro insert_rows(arguments) -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    insert into {{ arguments['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}
