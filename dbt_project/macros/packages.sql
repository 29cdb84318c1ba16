{# The months of a package's holders, and of the clients that hold none, summed by what a report can tell them apart by: from which
   month's end on a client is in the group and until which, when the month was and until when nothing changes, and the month of
   the last paid service. A key knows no null: what has no beginning or end is long ago or never. #}
{% macro package_months(clients, holdings, months, own_flows) -%}
    with

    clients as (
        select * from {{ clients }} as relation
    ),

    holdings as (
        select * from {{ holdings }} as relation
    ),

    members as (
        select
            clients.client_id,
            clients.client_type,
            clients.currency,
            holdings.package_id,
            {{ utc_month('holdings.held_since') }} as held_month,
            {{ never() }} as left_month
        from clients
        inner join holdings on clients.client_id = holdings.client_id
        union all
        -- No package, until the first of all.
        select
            clients.client_id,
            clients.client_type,
            clients.currency,
            '' as package_id,
            {{ long_ago() }} as held_month,
            coalesce({{ utc_month('min(holdings.held_since)') }}, {{ never() }}) as left_month
        from clients
        left join holdings on clients.client_id = holdings.client_id
        group by clients.client_id, clients.client_type, clients.currency
    )

    select
        {{ package_months_key() | join(', ') }},
        cast(sum(created) as {{ dbt.type_bigint() }}) as created_clients,
        count(*) as clients,
        count(case when balance > 0 then 1 end) as positive_clients,
        cast(coalesce(sum(case when balance > 0 then balance end), 0) as {{ type_money() }}) as positive_balance,
        count(case when balance < 0 then 1 end) as negative_clients,
        cast(coalesce(sum(case when balance < 0 then balance end), 0) as {{ type_money() }}) as negative_balance,
        {%- for kind in flow_kinds() %}
        cast(coalesce(sum({{ kind }}_quantity), 0) as {{ dbt.type_bigint() }}) as {{ kind }}_quantity,
        cast(coalesce(sum({{ kind }}_amount), 0) as {{ type_converted() }}) as {{ kind }}_amount,
        {%- endfor %}
        cast(sum(unpriced) as {{ dbt.type_bigint() }}) as unpriced
    from (
        select
            members.client_type,
            members.package_id,
            members.currency,
            members.held_month,
            members.left_month,
            months.utc_month,
            coalesce(months.until_month, {{ never() }}) as until_month,
            coalesce(months.last_paid_month, {{ long_ago() }}) as last_paid_month,
            months.created,
            months.balance,
            {%- for kind in flow_kinds() if kind not in package_kinds() %}
            months.{{ kind }}_quantity,
            months.{{ kind }}_amount,
            {%- endfor %}
            -- A group of a package counts its own, the others all (spec 5).
            {%- for kind in package_kinds() %}
            case when members.package_id = '' then months.{{ kind }}_quantity else own_flows.{{ kind }}_quantity end as {{ kind }}_quantity,
            case when members.package_id = '' then months.{{ kind }}_amount else own_flows.{{ kind }}_amount end as {{ kind }}_amount,
            {%- endfor %}
            months.unpriced
        from members
        inner join {{ months }} as months on members.client_id = months.client_id
        left join {{ own_flows }} as own_flows
            on
                members.client_id = own_flows.client_id
                and members.package_id = own_flows.package_id
                and months.utc_month = own_flows.utc_month
    ) as members_months
    group by {{ package_months_key() | join(', ') }}
{%- endmacro %}

{# The same of what a build makes anew, from the relations as they are then. #}
{% macro repriced_package_months(clients, holdings, months, own_flows) -%}
    {{ package_months(
        '(' ~ rows_of_touched(clients, touched='int_repriced') ~ ')',
        '(' ~ rows_of_touched(holdings, touched='int_repriced') ~ ')',
        '(' ~ rows_of_touched(months, 'utc_month', touched='int_repriced', since='packages_since') ~ ')',
        '(' ~ rows_of_touched(own_flows, 'utc_month', touched='int_repriced', since='packages_since') ~ ')'
    ) }}
{%- endmacro %}

{# By what the months of a package are told apart. #}
{% macro package_months_key() %}
{{ return([
    'client_type', 'package_id', 'utc_month', 'until_month', 'held_month', 'left_month', 'last_paid_month', 'currency'
]) }}
{% endmacro %}

{# What of a package's months is summed. #}
{% macro package_months_sums() %}
{%- set sums = cohort_measures()[:] -%}
{%- for kind in flow_kinds() %}{% do sums.extend([kind ~ '_quantity', kind ~ '_amount']) %}{% endfor -%}
{{ return(sums + ['unpriced']) }}
{% endmacro %}
