"""One run of one case, in the process that is measured: `python -m bench.one_case TABLE NAME CONNINFO EVENTS`.

Prints a line of JSON: of how many `events`, the `rate` a second, peak `memory` in MiB, and what it tells `also`; or why
it was `skipped`.
"""

from __future__ import annotations

import json
import sys

import bench.everything  # noqa: F401  # registers the cases
from bench.apart import largest_memory
from bench.cases import CASES, SkippedError


def main() -> None:
    """Run it, and print what came of it as a line of JSON."""
    table, name, conninfo, events = sys.argv[1:]
    (wanted,) = [each for each in CASES if (each.table, each.name) == (table, name)]
    try:
        done = wanted.work(conninfo, int(events))
    except SkippedError as error:
        print(json.dumps({"skipped": str(error)}))
        return
    memory = largest_memory() if done.memory is None else done.memory
    rate = done.count / done.seconds
    print(json.dumps({"events": done.count, "rate": rate, "memory": memory // 1024, "also": dict(done.also)}))


if __name__ == "__main__":
    main()
