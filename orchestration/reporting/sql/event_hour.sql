date_bin('1 hour', occurred_at, '2000-01-01 00:00:00+00'::timestamptz)
