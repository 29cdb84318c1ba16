{# The events of clients with their states, computed: of all of them, or of the touched ones from the touched instant on. #}
{% macro computed_events(of_touched) %}
{#- Clients and transactions are named where they are read: of a part that is named and used twice nobody knows that its clients
    are there once, and ten million states took ten seconds longer to be joined with them. -#}
with

-- Each part is joined by itself, so that two processes look for the touched clients' transactions among all.
events as (
    select
        transactions.client_id,
        transactions.occurred_at,
        transactions.transaction_id,
        transactions.kind,
        coalesce(transactions.package_id, '') as package_id,
        transactions.amount,
        case when {{ is_paid_service('transactions') }} then transactions.occurred_at end as paid_at,
        {{ come_to_before(of_touched) }}
    from {{ ref('stg_billing__transactions') }} as transactions
    {{ of_the_touched('transactions', 'occurred_at') if of_touched }}
    union all
    select
        clients.client_id,
        clients.created_at as occurred_at,
        '' as transaction_id,
        'created' as kind,
        '' as package_id,
        cast(0 as numeric(20, 6)) as amount,
        null as paid_at,
        {{ come_to_before(of_touched) }}
    from {{ ref('stg_billing__clients') }} as clients
    {{ of_the_touched('clients', 'created_at') if of_touched }}
),

states as (
    select
        events.*,
        lead(occurred_at) over client_events as valid_to,
        {{ 'balance_before + ' if of_touched }}sum(amount) over client_events as balance,
        coalesce(max(paid_at) over client_events, paid_before) as last_paid_at,
        row_number() over client_events as ordinal,
        count(paid_at) over client_events as payments
    from events
    window client_events as (
        partition by client_id order by occurred_at, transaction_id rows between unbounded preceding and current row
    )
)

select
    states.client_id,
    clients.client_type,
    clients.currency,
    states.occurred_at,
    {{ utc_date('states.occurred_at') }} as utc_date,
    states.valid_to,
    states.transaction_id,
    states.kind,
    states.package_id,
    states.amount,
    cast(states.balance as {{ type_money() }}) as balance,
    states.last_paid_at,
    case when states.occurred_at >= clients.created_at then 1 else 0 end as created,
    states.is_new and states.ordinal = 1 as is_first,
    states.paid_before is null and states.paid_at is not null and states.payments = 1 as is_first_paid
from states
inner join {{ ref('stg_billing__clients') }} as clients on states.client_id = clients.client_id
{% endmacro %}

{# What a client had come to before the events that are computed: nothing, which is not added to ten million balances, or what
   int_touched says. #}
{% macro come_to_before(of_touched) -%}
    {% if of_touched -%}
        touched.balance as balance_before, touched.last_paid_at as paid_before, touched.is_new
    {%- else -%}
        cast(null as {{ type_instant() }}) as paid_before, true as is_new
    {%- endif %}
{%- endmacro %}

{# Only what touched clients did from the touched instant on. #}
{% macro of_the_touched(relation, instant) -%}
    inner join {{ ref('int_touched') }} as touched on {{ relation }}.client_id = touched.client_id
    where {{ is_replaced(relation ~ '.' ~ instant) }}
{%- endmacro %}
