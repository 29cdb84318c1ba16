"""Waiting for a condition, instead of for a fixed time."""

import time


def wait_until(condition, timeout=10):
    """Call `condition` until it returns a true value, and return that value.

    Fail after `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not (value := condition()):
        assert time.monotonic() < deadline, f"the condition is still false after {timeout} s"
        time.sleep(0.02)
    return value
