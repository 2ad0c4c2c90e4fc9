"""Benchmarks: each prints figures side by side from one run, and is run by hand or by `make bench`."""
