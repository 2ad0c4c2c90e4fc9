"""`make bench`: every table, ours beside its peers, or those that are named.

python -m bench [TABLE …] [--events N] [--runs N]
"""

from __future__ import annotations

import argparse

import bench.everything  # noqa: F401  # registers the cases
from bench import archive, follow, growth, rebuild, sealer, status
from bench.cases import compared, tables
from bench.support import machine, server, show

ALONE = {
    "growth": growth.main,
    "read-models": rebuild.main,
    "follow": follow.main,
    "status": status.main,
    "archive": archive.main,
    "sealer": sealer.main,
}
"""Tables without peers, which run in this process, on servers of their own."""


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
    for name, alone in ALONE.items():
        if name in wanted:
            alone(given.events)


if __name__ == "__main__":
    main()
