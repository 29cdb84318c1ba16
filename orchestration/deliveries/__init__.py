"""From a saved query's moment to its mails: occurrences, reports, letters, catch-up, failures told."""
