-- The report for BI tools. Each metric is a column. `_bi.yml` describes the columns.
-- Grain: one row per client type, currency and UTC date. Amounts are in the currency of the clients.
{{ customer_dynamics('date') }}
