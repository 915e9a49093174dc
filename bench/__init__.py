"""Benchmarks, each beside the peer that a user would pick instead: ratios, in one run. `make bench` runs all."""
