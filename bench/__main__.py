"""`make bench`: every table, ours beside its peers, or those that are named.

python -m bench [TABLE …] [--events N] [--runs N]
"""

from __future__ import annotations

import argparse

import bench.everything  # noqa: F401  # registers the cases
from bench import archive, follow, growth, rebuild, sealer, status
from bench.apart import apart
from bench.cases import compared, tables
from bench.support import machine, server, show

REPEATED = {"read-models": rebuild.main, "follow": follow.main}
"""Tables without peers, each made by a process and on a server of its own; called with the events and the runs."""
ONCE = {"growth": growth.main, "status": status.main, "archive": archive.main, "sealer": sealer.main}
"""The same, which repeat by themselves what they repeat; called with the events."""
ALONE = ("growth", "read-models", "follow", "status", "archive", "sealer")
"""All of these, in order."""


def main() -> None:
    """Print the tables, and write each as JSON below bench/results."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure, on a server made for it.")
    parser.add_argument(
        "tables", nargs="*", metavar="TABLE", help=f"of {', '.join((*tables(), *ALONE))}; all by default"
    )
    parser.add_argument("--events", type=int, default=100_000, help="events of the largest cases (100,000)")
    parser.add_argument(
        "--runs", type=int, default=3, help="interleaved runs of each case, of which the median counts (3)"
    )
    given = parser.parse_args()
    unknown = set(given.tables) - {*tables(), *ALONE}
    if unknown:
        parser.error(f"no such table: {', '.join(sorted(unknown))}")
    wanted = given.tables or [*tables(), *ALONE]
    with server() as conninfo:
        about = machine(conninfo)
        print(" · ".join(f"{name} {value}" for name, value in about.items()))
        for table in tables():
            if table in wanted:
                show(table, [*compared(table, conninfo, given.events, given.runs)], about)
    for name in ALONE:
        if name in wanted and name in REPEATED:
            apart(REPEATED[name], given.events, given.runs)
        elif name in wanted:
            apart(ONCE[name], given.events)


if __name__ == "__main__":
    main()
