"""`make bench`: every benchmark, one after the other."""

from __future__ import annotations

from bench import appends, archive, rebuild, status

for benchmark in (appends, rebuild, status, archive):
    benchmark.main()
