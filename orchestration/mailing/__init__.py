"""Mail: addresses, messages, the outbox and the transport.

Each recipient gets a separate message and one row in `dynamics.deliveries`, the mail record.
SMTP cannot guarantee that a mail arrives exactly once. So the record is set to `sending` before
the body goes out. If no answer comes, the mail may have arrived: its state is `unknown`, and the
product never sends it again on its own.
"""
