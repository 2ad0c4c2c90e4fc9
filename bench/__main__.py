"""`make bench`: every benchmark, one after the other."""

from __future__ import annotations

from bench import appends, archive, follow, rebuild, status

for benchmark in (appends, rebuild, follow, status, archive):
    benchmark.main()
