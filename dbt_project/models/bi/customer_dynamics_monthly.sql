{{ customer_dynamics('month') }}
