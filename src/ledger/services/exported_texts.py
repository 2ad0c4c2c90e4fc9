"""Which texts go out with which entries: those of a classification that the reader may see, each held to its entry."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from ledger.domain.events import TextsErased
from ledger.domain.texts import Opening, event_of, opens
from ledger.domain.values import Classification
from ledger.errors import BadQuery, ErasedMeanwhile, IntegrityError
from ledger.store.log import Log
from ledger.store.texts import CLASSIFICATIONS, UNCLASSIFIED, TextStore, Withheld, entry_references, is_above

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


def texts_of(
    store: TextStore, entries: Sequence[tuple[int, bytes]], highest: Classification, withheld: Withheld | None
) -> dict[int, TextsOf]:
    """By position, for the entries with references: the texts up to that classification, as far as they are there.

    `withheld` is what this ledger itself was restored without. Raises `IntegrityError` for a text that is not the one
    that was recorded.
    """
    references = {position: found for position, entry in entries if (found := entry_references(entry))}
    ids = {position: _event_of(found) for position, found in references.items()}
    rows = store.of_events(ids.values())
    places = store.places(references)
    classes = store.classifications({stream for stream, _ in places.values()})
    picked = {}
    for position, of_entry in references.items():
        row, classification = rows.get(ids[position]), classes.get(places[position][0], UNCLASSIFIED)
        openings = row.openings if row else {}
        for path, opening in openings.items():
            if path not in of_entry or not opens(opening, of_entry[path]):
                raise IntegrityError(
                    f"TEXT_ALTERED: {path} of the event at position {position} is not the text that was recorded"
                )
        above = None
        if is_above(classification, highest):
            openings, above = {}, highest
        elif withheld is not None and position < withheld.before and is_above(classification, withheld.above):
            above = withheld.above
        picked[position] = TextsOf(openings, above)
    return picked


def check_none_erased(log: Log, size: int) -> None:
    """No texts were erased after the first `size` entries; raises `ErasedMeanwhile`.

    What was written of these would lack texts, without the event that says why.
    """
    if log.records(size, _END, 1, [TextsErased.type_name]):
        raise ErasedMeanwhile


def _event_of(references: dict[str, str]) -> UUID:
    return event_of(next(iter(references.values())))
