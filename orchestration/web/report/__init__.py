"""The report page and its chart. The link of the report is the only permission they need."""
