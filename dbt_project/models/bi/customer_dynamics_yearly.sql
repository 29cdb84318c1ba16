-- Grain: one row per client type, currency and UTC year.
{{ customer_dynamics('year') }}
