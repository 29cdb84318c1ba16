"""Web pages and the HTTP interface."""
