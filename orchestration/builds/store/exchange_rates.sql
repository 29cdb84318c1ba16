-- Rates are few and belong to no client: every build takes them whole.
delete from common.exchange_rates;

insert into common.exchange_rates
select currency, valid_from, cast(rate as decimal(38, 18))
from incoming_rates
order by currency, valid_from;
