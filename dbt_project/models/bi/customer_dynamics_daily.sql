{{ customer_dynamics('date') }}
