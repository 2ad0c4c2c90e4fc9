"""Events with references in place of texts, as they are recorded; and the texts of entries again."""

from __future__ import annotations

import hashlib
from typing import Any

from ledger.domain.events import Event, EventData
from ledger.domain.texts import commit_texts, map_data, references_in
from ledger.services import erasing
from ledger.services.erasing import Erased, Found, Grounds
from ledger.services.ledger import Ledger


def salt(path: str) -> bytes:
    """Always the same for a path, so that the same event gives the same entry."""
    return hashlib.sha256(path.encode()).digest()[:16]


def committed(event: Event) -> Event:
    """The event with references in place of its texts."""
    return commit_texts(event, salt)[0]


def data_of(ledger: Ledger, event: Event) -> EventData:
    """What the event says, with its texts."""
    texts = ledger.texts.resolve(references_in(event.data))
    return map_data(event.data, lambda _path, _kind, ref: texts[ref])


def opened(ledger: Ledger, value: Any) -> Any:  # noqa: ANN401  # whatever is asked about
    """Plain values with the texts in place of references."""
    return ledger.texts.opened(value)


def erase_name(ledger: Ledger, name: str, legal_basis: str = "GDPR-17") -> Erased:
    """Every text that names the person is destroyed."""

    def find() -> Found:
        return erasing.find_subject(ledger, name, lambda _done, _all: None)

    return erasing.erase(ledger, find(), find, Grounds(legal_basis))
