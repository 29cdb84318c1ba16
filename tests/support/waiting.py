"""Waiting for a condition, instead of for a fixed time."""

import time

TIMEOUT_SECONDS = 180
"""Generous, because a busy machine loads Dagster's assets slowly."""


def wait_until(condition, description, *, timeout=TIMEOUT_SECONDS, interval=0.02):
    """Call `condition` every `interval` seconds until it returns a true value. Return that value.

    Fail with the description after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited for {timeout} seconds until: {description}"
        time.sleep(interval)
    return value
