-- What a report over whole UTC months says of packages, and of who holds none, among all clients of a type: cohorts, and where
-- the report is in the base currency, flows.
with

sums_of_months as ({sums_of_package_months}),

whole_months as ({flows_of_months})

select * from ({cohort_items}) as cohort_items
union all
select * from ({priced_months}) as flows where %(is_priced)s
