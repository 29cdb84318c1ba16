"""Benchmarks: the product next to a hand-written alternative (its peer), in the same run."""
