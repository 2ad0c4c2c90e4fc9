"""What a client is told about a command that was taken."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ledger.domain.task import Task, fold
from ledger.domain.times import utc_text
from ledger.errors import LedgerError, Refused, VersionConflict

ENDS_BEFORE_START = "ends_before_start"
"""The result is dated before the day on which the task was assigned."""

_REASONS = {
    "key_reused": ("idempotency_key", "the key was used before for another command: take a new one"),
    "no_events": (None, "the command changes nothing"),
    "entry_too_large": ("data", "the record is larger than an entry may be"),
    "ledger_is_live": ("recorded_at", "the ledger has live events: history is taken only before the first of them"),
    "history_out_of_order": (
        "recorded_at",
        "it lies before the last record of the ledger: import files in order of time, or join them into one",
    ),
}


class Recorded(Struct, frozen=True):
    """The events of a command stand in the log from `position` on; the stream then stood at `version`."""

    stream: str
    version: int
    position: int
    recorded_at: int
    """Microseconds since 1970 UTC, of the first event."""
    leaf: str
    """The leaf hash of the first event's entry, in hexadecimal: with the position, a receipt. A proof that the log
    holds it can be asked for at any time, once a checkpoint covers it.
    """
    warnings: tuple[str, ...]
    replayed: bool
    """The idempotency key was used before for the same command: this is the first answer again."""


def refusal(reason: str | None) -> Refused:
    """The refusal that the database answered, in words."""
    code = reason or "refused"
    field, words = _REASONS.get(code, (None, code))
    return Refused(code, field, words)


def warnings(task: Task | None, version: int) -> tuple[str, ...]:
    """What is odd about the task as it stood at that version, though it may be so."""
    if task is None:
        return ()
    if task.version > version:
        task = fold(task.code, task.events[:version])
    return (ENDS_BEFORE_START,) if task and task.segments[-1].situation.ends_before_start else ()


def outcome_json(outcome: Recorded | LedgerError) -> dict[str, Any]:
    """What a client reads about one command: where it was recorded, or why not. A replay reads as the first answer."""
    match outcome:
        case Recorded(stream=stream):
            kind, _, code = stream.partition("/")
            return {
                kind: code,
                "version": outcome.version,
                "position": outcome.position,
                "recorded_at": utc_text(outcome.recorded_at),
                "leaf": outcome.leaf,
                "warnings": list(outcome.warnings),
            }
        case Refused():
            return {"detail": outcome.reason, "code": outcome.code, "field": outcome.field}
        case VersionConflict():
            return {"detail": str(outcome), "expected": outcome.expected, "actual": outcome.actual}
    return {"detail": str(outcome)}


def line_json(number: int, outcome: Recorded | LedgerError) -> dict[str, Any]:
    """`outcome_json` for one of many lines: with its number, from 1, and in one word what became of it.

    unavailable: it is not known whether the line was recorded, or it was not tried.
    """
    match outcome:
        case Recorded():
            status = "recorded"
        case Refused():
            status = "refused"
        case VersionConflict():
            status = "conflict"
        case _:
            status = "unavailable"
    return {"line": number, "status": status} | outcome_json(outcome)
