"""What is asked of the log, and what it answers: the values that go through `ledger.append`."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from msgspec import Struct


class IdempotencyKey(Struct, frozen=True, gc=False):
    """A unit's name for one command, so that sending it again records nothing twice."""

    unit: str
    key: str
    fingerprint: bytes
    """SHA-256 of the command: the same key with another command is refused, unless a text of the first was erased."""


class EventTexts(Struct, frozen=True, gc=False):
    """What opens the references of one event."""

    event: UUID
    openings: str
    """By path, as JSON."""


class Append(Struct, frozen=True, gc=False):
    """The next events of one stream: recorded together or not at all."""

    stream: str
    expected: int
    """The version at which the stream must stand."""
    events: tuple[tuple[str, bytes], ...]
    """(type, canonical bytes of the event), with versions from expected + 1 on."""
    key: IdempotencyKey | None = None
    history: int | None = None
    """When an older system recorded them, in microseconds since 1970 UTC; None when they are recorded now."""
    texts: tuple[EventTexts | None, ...] = ()
    """Of each event, None when it has none; empty when no event has any."""
    directory: int | None = None
    """The end of the directory that it rests on, the position after the last event of a unit, plan or calendar; None
    when it rests on none."""


Refusal = Literal["key_reused", "no_events", "entry_too_large", "ledger_is_live", "history_out_of_order"]


class Answer(Struct, frozen=True, gc=False):
    """What became of one append.

    recorded, replayed: the events stand from `position` on, the first at `recorded_at`, each a microsecond after the
    one before; the stream then stood at `version`. conflict: the stream stands at `version`. outdated: it does so too,
    and the directory has grown beyond the append's. refused: see `reason`.
    """

    status: Literal["recorded", "replayed", "conflict", "outdated", "refused"]
    position: int | None
    recorded_at: int | None
    version: int | None
    reason: Refusal | None


class Head(Struct, frozen=True):
    """Where the log ends."""

    next_position: int
    """The position that the next event gets: the length of the log."""
    recorded_at: int
    """When the last event was recorded, or 0."""
    live_from: int | None
    """The first position that is not imported history; None while there is none."""
