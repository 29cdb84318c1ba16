-- Grain: one row per client type, currency and UTC date.
{{ customer_dynamics('date') }}
