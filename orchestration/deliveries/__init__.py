"""Deliveries: occurrences, reports, mail content, slices, catch-up, backfill and failure mails."""
