-- Replace all exchange rates. They are few, so every build copies all of them.
-- Reads: incoming_rates.
delete from common.exchange_rates;

insert into common.exchange_rates
select currency, valid_from, cast(rate as decimal(38, 18))
from incoming_rates
order by currency, valid_from;
