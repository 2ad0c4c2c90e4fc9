"""A task as text for the terminal, in the reader's language."""

from __future__ import annotations

from typing import Any

from rich import box
from rich.table import Table

from ledger.reports.language import Translator
from ledger.reports.words import due_text
from ledger.reports.writers.cells import plain

_FACTS = (
    "title", "lead", "coordinating", "officer", "authority", "result", "start", "status", "percent", "suspended_by",
    "reviewer", "submitted_on", "closed_on", "returns", "flags",
)  # fmt: skip
_DAYS = frozenset({"start", "submitted_on", "closed_on"})
_CODES = frozenset({"status", "flags"})


def heading(code: str, page: dict[str, Any], speak: Translator) -> str:
    """Which task, and at which (as_of, on)."""
    return speak.text(
        "Task {task} · on {on} · as of {as_of} · {position} records known",
        task=code,
        on=speak.date(page["on"]),
        as_of=speak.date(page["as_of"]),
        position=speak.number(page["position"]),
    )


def facts(page: dict[str, Any], speak: Translator) -> Table:
    """How the task stands."""
    state = page["state"]
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for name in _FACTS:
        value = state.get(name)
        if value not in (None, [], ""):
            table.add_row(speak.word(name), ", ".join(_fact(name, each, speak) for each in _several(value)))
    deadlines = (
        (speak.text("Original deadline"), state["original"]),
        (speak.text("Baseline"), state["baseline"]),
        (speak.text("Current deadline"), state["deadline"]),
    )
    for label, given in deadlines:
        said = due_text(given["kind"], given["date"], speak) if given else speak.word("not_stated")
        table.add_row(label.lower(), said)
    for blocker in state["blockers"]:
        if blocker["resolved_on"] is None and blocker["verdict"] != "rejected":
            said = plain(blocker["description"] or blocker["category"])
            table.add_row(speak.word("blocker"), f"{blocker['code']} ({blocker['owner']}): {said}")
    days, worked = (speak.number(page["slip"][unit]) for unit in ("calendar_days", "working_days"))
    table.add_row(speak.word("slip"), speak.text("{days} days, {worked} of them worked", days=days, worked=worked))
    return table


def charges(page: dict[str, Any], speak: Translator) -> Table:
    """Who is charged with its slip days."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(speak.text("Unit charged"))
    table.add_column(speak.text("Cause"))
    table.add_column(speak.text("Days"), justify="right")
    table.add_column(speak.text("Working days"), justify="right")
    table.add_column(speak.text("When"))
    table.add_column(speak.text("Evidence"))
    for charge in page["charges"]:
        cause = speak.word(charge["cause"]) + (f" {charge['ref']}" if charge["ref"] else "")
        table.add_row(
            charge["unit"],
            speak.text("{cause}, through its ground", cause=cause) if charge["through_ground"] else cause,
            speak.number(charge["calendar_days"]),
            speak.number(charge["working_days"]),
            ", ".join(f"{speak.date(first)} \N{EN DASH} {speak.date(last)}" for first, last in charge["days"]),
            ", ".join(map(str, charge["evidence"])),
        )
    return table


def timeline(page: dict[str, Any], speak: Translator) -> Table:
    """What happened, record by record."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(speak.text("Version"), justify="right")
    table.add_column(speak.text("Effective"), overflow="fold")
    table.add_column(speak.text("Recorded"), overflow="fold")
    table.add_column(speak.text("Unit"), overflow="fold")
    table.add_column(speak.text("What"), overflow="fold")
    for record in page["timeline"]:
        text = plain(record["text"])
        if record["retracted_by"]:
            text += " " + speak.text("(retracted by version {version})", version=record["retracted_by"])
        table.add_row(
            str(record["version"]),
            speak.date(record["effective"]),
            speak.date(record["recorded_at"][:19] + "Z"),
            record["unit"] or "",
            text,
        )
    return table


def _several(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _fact(name: str, value: object, speak: Translator) -> str:
    if isinstance(value, int | float):
        return speak.number(value)
    text = str(value)
    if name in _DAYS:
        return speak.date(text)
    return speak.word(text) if name in _CODES else plain(text)
