-- Grain: one row per client type, currency and UTC month.
{{ customer_dynamics('month') }}
