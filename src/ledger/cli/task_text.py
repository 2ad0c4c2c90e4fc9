"""A task as text for the terminal."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

_FACTS = ("title", "lead", "coordinating", "officer", "authority", "result", "start", "status", "percent", "suspended_by",
          "reviewer", "submitted_on", "closed_on", "returns", "flags")  # fmt: skip


def facts(page: dict[str, Any]) -> Table:
    """How the task stands."""
    state = page["state"]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name in _FACTS:
        value = state.get(name)
        if value not in (None, [], ""):
            table.add_row(name.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
    for name in ("original", "baseline", "deadline"):
        deadline = state[name]
        table.add_row(name, f"{deadline['kind']} {deadline['date']}" if deadline else "not stated")
    for blocker in state["blockers"]:
        if blocker["resolved_on"] is None and blocker["verdict"] != "rejected":
            table.add_row("blocker", f"{blocker['code']} ({blocker['owner']}): {blocker['description'] or blocker['category']}")
    slip = page["slip"]
    table.add_row("slip", f"{slip['calendar_days']} days, {slip['working_days']} of them worked")
    return table


def charges(page: dict[str, Any]) -> Table:
    """Who is charged with its slip days."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Unit charged", "Cause", "Days", "Working days", "When", "Evidence"):
        table.add_column(heading, justify="right" if "ays" in heading else "left")
    for charge in page["charges"]:
        cause = charge["cause"] + (f" {charge['ref']}" if charge["ref"] else "")
        table.add_row(
            charge["unit"],
            cause + (" through its ground" if charge["through_ground"] else ""),
            str(charge["calendar_days"]),
            str(charge["working_days"]),
            ", ".join(f"{first} – {last}" for first, last in charge["days"]),
            ", ".join(map(str, charge["evidence"])),
        )
    return table


def timeline(page: dict[str, Any]) -> Table:
    """What happened, record by record."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Version", "Effective", "Recorded", "Unit", "What"):
        table.add_column(heading, justify="right" if heading == "Version" else "left", overflow="fold")
    for record in page["timeline"]:
        taken_back = f" (retracted by version {record['retracted_by']})" if record["retracted_by"] else ""
        table.add_row(
            str(record["version"]),
            record["effective"],
            record["recorded_at"][:19] + "Z",
            record["unit"] or "",
            record["text"] + taken_back,
        )
    return table
