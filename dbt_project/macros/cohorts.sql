{# What a report says of a cohort at an instant (spec 5), each of them a sum over clients. #}
{% macro cohort_measures() %}
{{ return([
    'created_clients', 'clients', 'positive_clients', 'positive_balance', 'negative_clients', 'negative_balance'
]) }}
{% endmacro %}

{# The changes of fct_balances as changes of a cohort's measures. `is_in` and `was_in` say of the state after and
   before a change whether the client belongs to the cohort. #}
{% macro cohort_changes(cohort, is_in, was_in) -%}
    select
        client_type,
        '{{ cohort }}' as cohort,
        currency,
        {{ utc_date('valid_from') }} as utc_date,
        case when {{ is_in }} then created else 0 end - case when {{ was_in }} then previous_created else 0 end as created_clients,
        case when {{ is_in }} then 1 else 0 end - case when {{ was_in }} then 1 else 0 end as clients,
        case when {{ is_in }} and balance > 0 then 1 else 0 end
        - case when {{ was_in }} and previous_balance > 0 then 1 else 0 end as positive_clients,
        case when {{ is_in }} and balance > 0 then balance else 0 end
        - case when {{ was_in }} and previous_balance > 0 then previous_balance else 0 end as positive_balance,
        case when {{ is_in }} and balance < 0 then 1 else 0 end
        - case when {{ was_in }} and previous_balance < 0 then 1 else 0 end as negative_clients,
        case when {{ is_in }} and balance < 0 then balance else 0 end
        - case when {{ was_in }} and previous_balance < 0 then previous_balance else 0 end as negative_balance
    from balances
    where {{ is_in }} or {{ was_in }}
{%- endmacro %}

{# The earliest instant at which a client last paid at `paid_at` can have lapsed: an active duration is at least a
   month, and the shortest is February's 28 days, less what a change of the clocks or of the date line takes. #}
{% macro shortest_lapse(paid_at) %}{{ dbt.dateadd('day', 26, paid_at) }}{% endmacro %}
