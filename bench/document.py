"""The tables of the last runs, put into docs/performance.md: `python -m bench.document`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import bench.everything  # noqa: F401  # registers the cases
from bench.cases import tables
from bench.support import RESULTS, as_text

PAGE = Path(__file__).parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by python -m bench.document -->\n", "<!-- end of figures -->\n"
TABLES = (
    *tables(),
    *("growth", "growth-rebuild", "read-models", "follow-latency", "status-report"),
    *("archive", "archive-restore", "proofs", "sealer"),
)
"""In this order; one without a result keeps what the page has."""


def main() -> None:
    """The page shows what bench/results holds, and says of which machine it is."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    old, _, after = rest.partition(END)
    held = {part.partition("\n")[0]: f"### {part.rstrip()}\n" for part in old.split("### ")[1:]}
    parts = []
    for name in TABLES:
        file = RESULTS / f"{name}.json"
        if file.exists():
            result = json.loads(file.read_text(encoding="utf-8"))
            parts.append(f"### {name}\n\n{_table(result['rows'])}\n\n{_about(result['machine'])}\n")
        elif name in held:
            parts.append(held[name])
    PAGE.write_text(before + BEGIN + "\n" + "\n".join(parts) + "\n" + END + after, encoding="utf-8")


def _table(rows: list[dict[str, Any]]) -> str:
    columns = [name for name in dict.fromkeys(name for row in rows for name in row) if not name.startswith("runs")]
    lines = [" | ".join(columns), " | ".join(["---", *["---:"] * (len(columns) - 1)])]
    lines += [" | ".join(as_text(row.get(name, "")) for name in columns) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _about(machine: dict[str, str]) -> str:
    """The machine, the server, and how busy the machine was before."""
    return ", ".join(f"{name} {value}" for name, value in machine.items()) + "."


if __name__ == "__main__":
    main()
