"""Which texts go out with which entries: those of a classification that the reader may see, each held to its entry."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from ledger.domain.events import TextsErased
from ledger.domain.texts import Opening, event_of
from ledger.domain.values import Classification
from ledger.errors import BadQuery, ErasedMeanwhile, IntegrityError
from ledger.store.entry_texts import (
    CLASSIFICATIONS,
    UNCLASSIFIED,
    UNREADABLE,
    Glance,
    bare_references,
    bears_on_texts,
    glance,
    is_above,
    stray_opening,
)
from ledger.store.log import Log
from ledger.store.texts import TextStore

ALL: Classification = CLASSIFICATIONS[-1]
"""No text is classified higher, so none is withheld."""
_END = 2**63 - 1


class TextsOf(Struct, frozen=True):
    """The texts of one entry that go out with it."""

    openings: dict[str, Opening]
    withheld_above: Classification | None
    """There are others that do not, because they are classified higher than this."""


def check_class(texts: TextStore, highest: str) -> Classification:
    """The classification of that name; raises `BadQuery` for another word, or one whose texts this ledger lacks."""
    found = next((each for each in CLASSIFICATIONS if each == highest), None)
    if found is None:
        raise BadQuery("highest-class", f"{highest!r} is not one of {', '.join(CLASSIFICATIONS)}")
    held = texts.withheld()
    if held is not None and is_above(found, held.above):
        raise BadQuery(
            "highest-class", f"this ledger was restored without texts above {held.above}: it cannot export {found} ones"
        )
    return found


class ExportedTexts:
    """Picks the texts that go out with entries: those up to a classification, as far as they are there.

    May be shared by threads.
    """

    def __init__(self, store: TextStore, highest: Classification) -> None:
        self._store = store
        self._highest = highest
        self._withheld = store.withheld()
        """What this ledger itself was restored without."""
        self._classes: dict[str, Classification] = {}
        """By stream. They are said when it begins, and never change."""

    def of(self, entries: Sequence[tuple[int, bytes]]) -> dict[int, TextsOf]:
        """By position, for the entries with references: their texts that go out.

        Raises `IntegrityError` for a text that is not the one that was recorded, and for what is no entry.
        """
        seen = {position: _glance(position, entry) for position, entry in entries if bears_on_texts(entry)}
        references = {position: bare_references(entry) for position, entry in entries if position in seen}
        self._classify({each.stream for each in seen.values()})
        shown = {
            position: event_of(found[0])
            for position, found in references.items()
            if found and not is_above(self._classes[seen[position].stream], self._highest)
        }
        rows = self._store.of_events(shown.values())
        picked = {}
        for position, entry in entries:
            if not references.get(position):
                continue
            row = rows.get(shown[position]) if position in shown else None
            openings = row.openings if row else {}
            stray = stray_opening(entry, openings)
            if stray is not None:
                raise IntegrityError(
                    f"TEXT_ALTERED: {stray} of the event at position {position} is not the text that was recorded"
                )
            picked[position] = TextsOf(openings, self._above(position, self._classes[seen[position].stream]))
        return picked

    def _classify(self, streams: set[str]) -> None:
        unknown = streams - self._classes.keys()
        found = self._store.classifications(unknown)
        self._classes.update({stream: found.get(stream, UNCLASSIFIED) for stream in unknown})

    def _above(self, position: int, classification: Classification) -> Classification | None:
        if is_above(classification, self._highest):
            return self._highest
        held = self._withheld
        withheld = held is not None and position < held.before and is_above(classification, held.above)
        return held.above if held and withheld else None


def _glance(position: int, entry: bytes) -> Glance:
    try:
        return glance(entry)
    except UNREADABLE as error:
        raise IntegrityError(f"UNREADABLE: the entry at position {position}: {error}") from error


def check_none_erased(log: Log, size: int) -> None:
    """No texts were erased after the first `size` entries; raises `ErasedMeanwhile`.

    What was written of these would lack texts, without the event that says why.
    """
    if log.records(size, _END, 1, [TextsErased.type_name]):
        raise ErasedMeanwhile
