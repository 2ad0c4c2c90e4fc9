"""The library's mapper on our format: stored events are canonical JSON under stable type names, upcast on reading."""

from __future__ import annotations

from typing import Any

from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from ledger.domain.events import Event
from ledger.store.entry import decode_event, encode_event


class EntryMapper(Mapper[str]):
    """Between `Event` and the library's `StoredEvent`; topics are type names, never Python paths."""

    def __init__(self) -> None:
        super().__init__(transcoder=JSONTranscoder())

    def to_stored_event(self, domain_event: Any) -> StoredEvent:
        """The event as the recorder takes it; raises `Refused` when it cannot be kept."""
        event: Event = domain_event
        return StoredEvent(event.stream, event.version, event.type, encode_event(event))

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        """The event in today's schema version; raises `EntryError`."""
        return decode_event(stored_event.state)
