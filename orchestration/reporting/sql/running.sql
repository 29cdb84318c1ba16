-- Sums that hold at every period's end, from `edges`: what enters at one period and leaves after another.
select
    entered.group_number,
    entered.cohort,
    entered.currency,
    period,
    sum(coalesce(edges.created_clients, 0)) over so_far as created_clients,
    sum(coalesce(edges.clients, 0)) over so_far as clients,
    sum(coalesce(edges.positive_clients, 0)) over so_far as positive_clients,
    sum(coalesce(edges.positive_balance, 0)) over so_far as positive_balance,
    sum(coalesce(edges.negative_clients, 0)) over so_far as negative_clients,
    sum(coalesce(edges.negative_balance, 0)) over so_far as negative_balance
from (select distinct group_number, cohort, currency from edges) as entered
cross join generate_series(1, %(periods)s) as period
left join edges using (group_number, cohort, currency, period)
window so_far as (partition by entered.group_number, entered.cohort, entered.currency order by period)
