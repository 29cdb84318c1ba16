-- Whoever holds one of a group's packages; looked up once, and not at every mention.
members as materialized ({holders})
