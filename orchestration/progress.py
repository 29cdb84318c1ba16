"""How long-running work reports its progress."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]
"""A function that receives the step, the amount done and the total. Unknown amounts are 0."""
