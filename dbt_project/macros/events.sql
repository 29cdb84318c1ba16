{# The events of clients with their states, computed: of all of them, or of the touched ones from the touched instant on. #}
{% macro computed_events(of_touched) %}
with

transactions as (
    select * from {{ ref('stg_billing__transactions') }}
),

clients as (
    select * from {{ ref('stg_billing__clients') }}
),

events as (
    select
        client_id,
        occurred_at,
        transaction_id,
        kind,
        coalesce(package_id, '') as package_id,
        amount,
        case when is_paid_service then occurred_at end as paid_at
    from transactions
    union all
    select
        client_id,
        created_at as occurred_at,
        '' as transaction_id,
        'created' as kind,
        '' as package_id,
        0 as amount,
        null as paid_at
    from clients
),
{% if of_touched %}
touched as (
    select * from {{ ref('int_touched') }}
),

-- What touched clients did from the touched instant on, and what they had come to by then.
counted as (
    select
        events.*,
        touched.balance as balance_before,
        touched.last_paid_at as paid_before,
        touched.is_new
    from events
    inner join touched on events.client_id = touched.client_id
    where {{ is_replaced('events.occurred_at') }}
),
{% else %}
counted as (
    select
        events.*,
        0 as balance_before,
        cast(null as {{ type_instant() }}) as paid_before,
        true as is_new
    from events
),
{% endif %}
states as (
    select
        counted.*,
        lead(occurred_at) over client_events as valid_to,
        balance_before + sum(amount) over client_events as balance,
        coalesce(max(paid_at) over client_events, paid_before) as last_paid_at,
        row_number() over client_events as ordinal,
        count(paid_at) over client_events as payments
    from counted
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
    cast(states.amount as numeric(20, 6)) as amount,
    cast(states.balance as {{ type_money() }}) as balance,
    states.last_paid_at,
    case when states.occurred_at >= clients.created_at then 1 else 0 end as created,
    states.is_new and states.ordinal = 1 as is_first,
    states.paid_before is null and states.paid_at is not null and states.payments = 1 as is_first_paid
from states
inner join clients on states.client_id = clients.client_id
{% endmacro %}
