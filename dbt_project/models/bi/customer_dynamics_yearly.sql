{{ customer_dynamics('year') }}
