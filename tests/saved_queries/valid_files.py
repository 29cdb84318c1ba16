"""Valid files of saved queries, which tests change to make mistakes."""

FULL = """\
title: Customer Dynamics, month by month
description: The finance team's monthly view of retail clients.
query:
  interval: last 12 months
  timezone: Europe/Kyiv
  client_type: client
  client_tags: [retail]
  owners:
    - Northline Telecom
    - "0042"
  packages: []
  group_by: [month]
  currency: USD
  active_duration: 3
output:
  formats: [xlsx, csv]
  chart: balance_refill_total
delivery:
  schedule: "0 7 1 * *"
  timezone: Europe/Kyiv
  send_to: [finance@example.com]
  cc: []
  bcc:
    - auditor@example.com
    - board@example.com
  subject: "{{ title }}: {{ interval }}"
  on_failure: [data-team@example.com]
"""
"""The file in the documentation."""

PARTNERS = """\
title: Partners
query:
  interval: last 3 months
  group_by: [month]
delivery:
  schedule: "0 7 1 * *"
  send_to: [finance@example.com, cfo@example.com]
  catch_up: all
  after: fresh
  wait_at_most: 2d
  stale: send
  send_if:
    - '"Clients - Active / Qty" falls by more than 10 %'
    - '"Clients - All / Balance" is below -5000'
  split_by: owner
  owners:
    Northline Telecom: [accounts@northline.example]
    "0042":
      - b@example.com
      - c@example.com
  attach_at_most: 500 kB
  on_failure: [data-team@example.com]
"""
"""A file with the keys that say when to wait, when to send, and how to split the report."""
