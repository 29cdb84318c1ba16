"""Benchmarks: what the product costs, beside what somebody would write without it, in the same run."""
