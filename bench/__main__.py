"""`make bench`: every benchmark, one after the other."""

from __future__ import annotations

from bench import appends, rebuild

for benchmark in (appends, rebuild):
    benchmark.main()
