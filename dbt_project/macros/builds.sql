{# A build either makes everything anew, or replaces what belongs to the clients that changed since this schema was
   built last (docs/decisions.md, "Only what changed is built"). `dynamics build` writes into the table `touched` who
   they are and from which instant on; int_touched says what stands before it. #}

{# The relation as the last build of this schema left it; none when everything is made anew: the schema is empty then. #}
{% macro as_built_before(model) -%}
    {%- if execute -%}
        {{ return(adapter.get_relation(target.database, target.schema, model)) }}
    {%- endif -%}
{%- endmacro %}

{# Whether a row of a touched client, with that instant, is made anew: `touched` is int_touched, or another model that says who
   they are, and from when on in the column `since`. One comparison, which an index by client and instant can answer. #}
{% macro is_replaced(instant, since='since') -%}
    {{ instant }} >= coalesce(touched.{{ since }}, {{ long_ago() }})
{%- endmacro %}

{# The rows of touched clients in a relation: those from the touched instant on where `instant` names the column of a row's
   instant, up to the one in the column `until` where that is given, and where `only_if` is, only of whom it is true. Each
   client's are looked up by index (`offset 0`): how little lies after an instant the planner does not know, and it would read
   all of the relation for it. `touched` is the model that says who they are. #}
{% macro rows_of_touched(relation, instant=none, columns='*', touched='int_touched', only_if=none, since='since', until=none) -%}
    select found.*
    from {{ ref(touched) }} as touched
    cross join lateral (
        select {{ columns }} from {{ relation }} as rows_there
        where rows_there.client_id = touched.client_id
        {%- if instant %} and {{ is_replaced('rows_there.' ~ instant, since) }}{% endif %}
        {%- if until %} and rows_there.{{ instant }} < touched.{{ until }}{% endif %}
        offset 0
    ) as found
    {%- if only_if %} where touched.{{ only_if }}{% endif %}
{%- endmacro %}

{# Strategy `replace_touched`: the rows of touched clients make place for those that the model gives. meta.touched, meta.instant
   and meta.only_if are those of `rows_of_touched`. #}
{% macro get_incremental_replace_touched_sql(arguments) -%}
    {%- set target = arguments['target_relation'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set meta = config.get('meta', {}) -%}
    {{ adapter.dispatch('delete_rows_of_touched')(target, meta) }};
    insert into {{ target }} ({{ columns }})
    select {{ columns }} from {{ arguments['temp_relation'] }}
{%- endmacro %}

{# What is found is taken out by where it lies: joined with the table, it would be met with all of its rows. #}
{% macro postgres__delete_rows_of_touched(target, meta) -%}
    delete from {{ target }} where ctid = any (array(
        {{ rows_of_touched(target, meta.instant, 'ctid', meta.get('touched', 'int_touched'), meta.only_if) }}
    ))
{%- endmacro %}

{# Strategy `add`: the model gives differences by its unique_key, which are added to the rows that are there: those that are any,
   since most of what is made anew comes to what it was. A row whose column meta.counts comes to nothing is gone. #}
{% macro get_incremental_add_sql(arguments) -%}
    {%- set keys = arguments['unique_key'] -%}
    {%- set columns = arguments['dest_columns'] | map(attribute='name') | list -%}
    {%- set summed = columns | reject('in', keys) | list -%}
    insert into {{ arguments['target_relation'] }} as known ({{ columns | join(', ') }})
    select {{ columns | join(', ') }} from {{ arguments['temp_relation'] }}
    where {{ summed | join(' <> 0 or ') }} <> 0
    on conflict ({{ keys | join(', ') }}) do update set
    {%- for column in summed %}
        {{ column }} = known.{{ column }} + excluded.{{ column }}{{ "," if not loop.last }}
    {%- endfor %};
    delete from {{ arguments['target_relation'] }} where {{ config.get('meta')['counts'] }} = 0
{%- endmacro %}

{# A table that was filled anew is analyzed. What a build replaces of one is little: to sample ten million rows for it
   would cost as much, and the server does it by itself when it has become much. #}
{% macro analyze_once() -%}
    {%- if execute and config.get('materialized') != 'view' -%}
        {%- set known = "select 1 from pg_stats where schemaname = '" ~ this.schema ~ "' and tablename = '" ~ this.identifier ~ "' limit 1" -%}
        {%- if not run_query(known).rows -%} analyze {{ this }} {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# What the next build makes anew is not vacuumed meanwhile: to put another in its place would wait a second for that to give up. #}
{% macro not_vacuumed() -%}
    {%- if config.get('materialized') == 'table' %}{{ adapter.dispatch('not_vacuumed')() }}{% endif -%}
{%- endmacro %}
{% macro default__not_vacuumed() -%}{%- endmacro %}
{% macro postgres__not_vacuumed() -%} alter table {{ this }} set (autovacuum_enabled = false) {%- endmacro %}

{# A build sorts millions of rows once; the session keeps that memory no longer than its transaction. Nothing is memoized: of
   two columns the planner expects a tenth of their pairs, and would look up the events of every currency's day by index,
   13 s for a million instead of 2. What another process hands over costs less than the default: of touched clients the planner
   expects a third of all transactions, and would have one process look for them, 6.6 s of ten million instead of 4.6. No model
   waits for the disk: what makes a build the one that is read is committed after it, and waits for all that was written before. #}
{% macro generous_memory() -%}{{ adapter.dispatch('generous_memory')() }}{%- endmacro %}
{% macro default__generous_memory() -%}select 1{%- endmacro %}
{% macro postgres__generous_memory() -%}
    set local work_mem = '256MB'; set local maintenance_work_mem = '256MB'; set local jit = off;
    set local random_page_cost = 1.1; set local enable_memoize = off; set local parallel_tuple_cost = 0.01;
    set local synchronous_commit = off
{%- endmacro %}

{# What a build makes for itself is joined a few times and gone: a tenth of the sample tells the planner enough, and of 100,000
   events takes 0.02 s instead of 0.25. #}
{% macro rough_statistics() -%}{{ adapter.dispatch('rough_statistics')() }}{%- endmacro %}
{% macro default__rough_statistics() -%}select 1{%- endmacro %}
{% macro postgres__rough_statistics() -%} set local default_statistics_target = 10 {%- endmacro %}

{# A way in which the server would make a table, and should not (docs/decisions.md, "The planner is told of two ways not to take"). #}
{% macro without(way) -%}{{ adapter.dispatch('without')(way) }}{%- endmacro %}
{% macro default__without(way) -%}select 1{%- endmacro %}
{% macro postgres__without(way) -%} set local enable_{{ way }} = off {%- endmacro %}
