"""One run of one case, in the process that is measured: `python -m bench.one_case TABLE NAME CONNINFO EVENTS`."""

from __future__ import annotations

import json
import sys

import bench.everything  # noqa: F401  # registers the cases
from bench.cases import CASES, SkippedError, peak_memory


def main() -> None:
    """Run it, and print what came of it as a line of JSON."""
    table, name, conninfo, events = sys.argv[1:]
    (wanted,) = [each for each in CASES if (each.table, each.name) == (table, name)]
    try:
        done = wanted.work(conninfo, int(events))
    except SkippedError as error:
        print(json.dumps({"skipped": str(error)}))
        return
    memory = done.memory or peak_memory()
    print(json.dumps({"rate": done.count / done.seconds, "memory": memory // 1024}))


if __name__ == "__main__":
    main()
