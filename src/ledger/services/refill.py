"""Putting entries back into an empty ledger, one after the other, as they were."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from ledger.domain.events import HistoryImported, Record
from ledger.domain.texts import Openings
from ledger.domain.values import Classification
from ledger.errors import LedgerError, NotEmpty
from ledger.store.entry import decode_entry
from ledger.store.entry_texts import Withheld, entry_references, is_above, stray_opening
from ledger.store.log import Log
from ledger.store.texts import TextRow

BATCH = 2_000
"""Entries restored in one transaction."""


class Refill:
    """Takes the entries of a log from position 0 on; a log that an earlier try began to fill is gone on with.

    `misplaced(position, reason)` makes the error for an entry that does not follow from those before it. Raises
    `NotEmpty` for a ledger that holds anything else, from the beginning or at the first entry that differs.
    """

    def __init__(self, log: Log, misplaced: Callable[[int, str], LedgerError]) -> None:
        self._log = log
        self._misplaced = misplaced
        self._held = log.head().next_position
        if self._held and not log.is_restoring():
            raise NotEmpty(self._held)
        self._batch: list[tuple[Record, bytes]] = []
        self._next = 0
        self._imports: set[str] = set()
        self._live_from: int | None = None
        self._texts: list[TextRow] = []
        self._withheld: Withheld | None = None

    def add(self, entry: bytes, openings: Openings, withheld_above: Classification | None = None) -> None:
        """The entry is next, with what there is to open its references; the rest was erased, or is withheld.

        Raises what `misplaced` makes for bytes that are no entry and for an opening of none of its references, and as
        the class says.
        """
        try:
            record = decode_entry(self._next, entry)
        except LedgerError as error:
            raise self._misplaced(self._next, str(error)) from error
        # The first record that no import brought in is where the ledger went live.
        if isinstance(record.event.data, HistoryImported):
            self._imports.add(record.event.id)
        elif self._live_from is None and record.event.causation not in self._imports:
            self._live_from = record.position
        stray = stray_opening(entry, openings)
        if stray is not None:
            raise self._misplaced(self._next, f"{stray}: the text is not the one that the entry has a reference to")
        if openings or entry_references(entry):
            self._texts.append(TextRow(UUID(record.event.id), self._next, dict(openings), ()))
        if withheld_above is not None:
            above = self._withheld.above if self._withheld else withheld_above
            lower = above if is_above(withheld_above, above) else withheld_above
            self._withheld = Withheld(lower, self._next + 1)
        self._batch.append((record, entry))
        self._next += 1
        if len(self._batch) == BATCH:
            self._put_back()

    def finish(self) -> int:
        """All that was added is in the log, and nothing else; returns how many entries that are."""
        if self._batch:
            self._put_back()
        if self._next < self._held:
            raise NotEmpty(self._held)
        return self._next

    def _put_back(self) -> None:
        first, last = self._batch[0][0].position, self._batch[-1][0].position
        for position, entry in self._log.entries(first, min(self._held, last + 1)):
            if entry != self._batch[position - first][1]:
                raise NotEmpty(self._held)
        missing = [each for each in self._batch if each[0].position >= self._held]
        if missing:
            texts = [row for row in self._texts if row.position >= self._held]
            self._log.restore(missing, self._live_from, texts, self._withheld, self._misplaced)
        self._batch, self._texts = [], []
