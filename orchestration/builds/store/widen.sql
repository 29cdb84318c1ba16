-- Make amounts wider: up to the limits of numeric(20, 6), and their sums.
alter table events alter amount type decimal(38, 6);
alter table events alter balance type decimal(38, 6);
alter table lapses alter amount type decimal(38, 6);
alter table lapses alter balance type decimal(38, 6);
