"""A snapshot becomes mail: addresses, the message, the outbox (what was sent to whom) and the transport.

One recipient gets one message of its own, and one row in `dynamics.deliveries` that says what became of it.
SMTP cannot promise more than "at least once", so the row is written to say `sending` before the body goes
out, and a message whose fate nobody knows is `unknown`: it is never sent again by itself.
"""
