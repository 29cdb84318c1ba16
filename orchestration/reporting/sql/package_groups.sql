-- The groups that have a client at some known period's end (spec 7).
select distinct group_number
from ({package_months}) as months
where first_held <= last_held
