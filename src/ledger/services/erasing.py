"""Destroy what people wrote and who they were, for good, and leave an event that says on what legal basis.

Entries and proofs stay as they are: they never held the texts. What is destroyed is the only thing that opened them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from uuid import UUID

from msgspec import Struct

from ledger.domain.events import Actor, ErasedTexts, Event, TextsErased
from ledger.domain.texts import is_person
from ledger.domain.times import local_day
from ledger.errors import AlreadyErased, BadQuery, NotFound
from ledger.services.ids import new_salt, uuid7
from ledger.services.ledger import Ledger
from ledger.store.texts import TextRow, encode_with_texts

Progress = Callable[[int, int], None]
"""Called with (events whose texts were looked at, events in all)."""
_EVENT_BYTES = 50_000
"""About what the list of texts in one event may come to; an entry holds 65,535 bytes."""
_TRIES = 5


class Target(Struct, frozen=True):
    """A text that is to be destroyed."""

    event: UUID
    position: int
    stream: str
    type: str
    field: str
    """Its path in the event, such as `data.officer`."""
    text: str


class Found(Struct, frozen=True):
    """What is to be destroyed, and what an eye should be cast on."""

    targets: tuple[Target, ...]
    similar: tuple[Target, ...] = ()
    """Personal names in which the name asked for stands with more around it: they are left alone."""


class Grounds(Struct, frozen=True):
    """Why texts are destroyed, and on whose word."""

    legal_basis: str
    reason: str | None = None
    unit: str | None = None
    subject: str | None = None
    """The person that acts."""


class Erased(Struct, frozen=True):
    """What was destroyed, and where that is recorded."""

    targets: tuple[Target, ...]
    events: tuple[int, ...]
    """The positions of the events that say so; none when there was nothing to destroy."""


def find_subject(ledger: Ledger, name: str, progress: Progress) -> Found:
    """Every personal name that is this one, and every free text in which it stands as whole words.

    Upper and lower case, the form of accents and the width of blanks make no difference. Raises `BadQuery` for a name
    without a letter or digit.
    """
    wanted = folded(name)
    if not re.search(r"\w", wanted):
        raise BadQuery("subject", f"{name!r} is not a name")
    stands = _standing(wanted)
    found: list[tuple[TextRow, str]] = []
    similar: list[tuple[TextRow, str]] = []
    done, total = 0, ledger.texts.count()
    for rows in ledger.texts.all():
        for row in rows:
            for path, opening in sorted(row.openings.items()):
                said = folded(opening.text)
                if said == wanted or (not is_person(path) and stands.search(said)):
                    found.append((row, path))
                elif is_person(path) and stands.search(said):
                    similar.append((row, path))
        done += len(rows)
        progress(done, max(done, total))
    return Found(_targets(ledger, found), _targets(ledger, similar))


def find_event(ledger: Ledger, event: str, field: str | None) -> Found:
    """The texts of one event, or the one in that field. Raises `NotFound` when there is none (any more)."""
    try:
        identity = UUID(event)
    except ValueError as error:
        raise BadQuery("event", f"{event!r} is not the id of an event") from error
    row = ledger.texts.of_events([identity]).get(identity)
    if row is None:
        raise NotFound("event with texts", event)
    if field is not None and field not in row.openings:
        if field in row.erased:
            return Found(())
        raise NotFound("text", f"{field} in event {event}: it has {', '.join(sorted(row.openings)) or 'none any more'}")
    paths = sorted(row.openings) if field is None else [field]
    return Found(_targets(ledger, [(row, path) for path in paths]))


def erase(ledger: Ledger, shown: Found, find: Callable[[], Found], grounds: Grounds) -> Erased:
    """What was shown is destroyed, and the events that say so are recorded: all in one transaction, or nothing.

    What came since is left for another time: nobody has agreed to that. `find` looks once more when somebody else was
    quicker. Nothing is recorded when there is nothing to destroy, so an erasure whose outcome is unknown is run again.
    Raises `BadQuery` for a legal basis that is no code, `NotFound` for an acting unit that is not registered.
    """
    check_grounds(ledger, grounds)
    agreed = {(target.event, target.field) for target in shown.targets}
    targets = shown.targets
    for _ in range(_TRIES):
        if not targets:
            return Erased((), ())
        try:
            return _erased(ledger, targets, grounds)
        except AlreadyErased:
            targets = tuple(each for each in find().targets if (each.event, each.field) in agreed)
    raise AlreadyErased


def check_grounds(ledger: Ledger, grounds: Grounds) -> None:
    """They can be recorded; raises as `erase`."""
    if not re.fullmatch(r"[^\s\x00-\x1f\x7f]{1,120}", grounds.legal_basis):
        raise BadQuery("legal-basis", "it is a code of 1 to 120 characters without blanks, such as GDPR-17-1-b")
    if grounds.unit is not None and grounds.unit not in ledger.directory.known().units:
        raise NotFound("unit", grounds.unit)
    for name, text, limit in (("reason", grounds.reason, 10_000), ("by", grounds.subject, 500)):
        if text is not None and len(text) > limit:
            raise BadQuery(name, f"it has {len(text):,} characters, and may have {limit:,}")


def check_unnamed(subject: str, grounds: Grounds) -> None:
    """The grounds do not name whom they erase, and so record the name once more. Raises `BadQuery`."""
    for name, text in (("reason", grounds.reason), ("by", grounds.subject)):
        if text is not None and _standing(folded(subject)).search(folded(text)):
            raise BadQuery(name, "the name that is to be erased stands in it: it would be recorded once more")


def _standing(name: str) -> re.Pattern[str]:
    """Finds a folded name as whole words."""
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)")


def folded(text: str) -> str:
    """The text as it is compared: case, composition of accents and width of blanks do not count."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())


def _erased(ledger: Ledger, targets: Sequence[Target], grounds: Grounds) -> Erased:
    now = ledger.clock()
    ids = [uuid7(now)]
    made = []
    for version, texts in enumerate(_parts(targets), 1):
        data = TextsErased(legal_basis=grounds.legal_basis, reason=grounds.reason, texts=texts)
        event = Event(
            actor=Actor(grounds.unit, grounds.subject),
            causation=ids[0] if version > 1 else None,
            correlation=None,
            data=data,
            effective=local_day(now, ledger.zone).isoformat(),
            id=ids[0] if version == 1 else uuid7(now),
            stream=f"erasure/{ids[0]}",
            type=data.type_name,
            v=data.schema_version,
            version=version,
        )
        made.append(encode_with_texts(event, lambda _: new_salt()))
    events = [encoded for _, (_, encoded), _ in made]
    first = ledger.texts.erase(f"erasure/{ids[0]}", events, [texts for _, _, texts in made])
    return Erased(tuple(targets), tuple(range(first, first + len(events))))


def _parts(targets: Sequence[Target]) -> Iterator[tuple[ErasedTexts, ...]]:
    """What the events say, in parts that fit into one each; an event's texts are never torn apart."""
    part: list[ErasedTexts] = []
    size = 0
    for event, of_event in groupby(targets, key=lambda target: target.event):
        texts = ErasedTexts(str(event), tuple(target.field for target in of_event))
        needed = 70 + sum(len(field) + 3 for field in texts.fields)
        if part and size + needed > _EVENT_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(texts)
        size += needed
    yield tuple(part)


def _targets(ledger: Ledger, found: Sequence[tuple[TextRow, str]]) -> tuple[Target, ...]:
    """In order of position."""
    places = ledger.texts.places({row.position for row, _ in found})
    targets = (
        Target(row.event, row.position, *places.get(row.position, ("", "")), path, row.openings[path].text)
        for row, path in found
    )
    return tuple(sorted(targets, key=lambda target: (target.position, target.field)))
