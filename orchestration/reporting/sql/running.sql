-- Sums that hold at every period's end, from `edges`: what enters at one period and leaves after another.
-- Zeros at every period stand beside the edges, and both are sorted once: of a join with all periods the planner, which
-- knows no size of either, makes a loop, and by date over five years it took minutes.
select
    group_number,
    cohort,
    currency,
    period,
    sum(sum(created_clients)) over so_far as created_clients,
    sum(sum(clients)) over so_far as clients,
    sum(sum(positive_clients)) over so_far as positive_clients,
    sum(sum(positive_balance)) over so_far as positive_balance,
    sum(sum(negative_clients)) over so_far as negative_clients,
    sum(sum(negative_balance)) over so_far as negative_balance
from (
    select * from edges
    where period <= %(periods)s
    union all
    select entered.group_number, entered.cohort, entered.currency, every.period, 0, 0, 0, 0, 0, 0
    from (select distinct group_number, cohort, currency from edges) as entered
    cross join generate_series(1, %(periods)s) as every (period)
) as edges_and_zeros
group by group_number, cohort, currency, period
window so_far as (partition by group_number, cohort, currency order by period rows unbounded preceding)
