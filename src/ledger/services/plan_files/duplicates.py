"""Tasks that say nearly the same: led by the same unit, with titles alike."""

from __future__ import annotations

import difflib
import zlib
from collections.abc import Sequence

from ledger.services.plan_files.folding import folded

ALIKE = 0.92
"""From this ratio on (difflib's: twice the characters in common, by both lengths) two titles are nearly equal."""
_BITS = 1024
_SLACK = 12


class Titles:
    """Titles by unit, to be asked for one nearly equal.

    Most pairs are told apart by a signature of their trigrams: of titles alike, at most 8 % of the characters have no
    partner, and each such character touches at most five trigrams, so the signatures differ in no more bits than that.
    """

    def __init__(self) -> None:
        self._of: dict[str, list[tuple[str, int, str]]] = {}
        self._same: dict[tuple[str, str], str] = {}

    def add(self, lead: str, title: str, name: str) -> None:
        """A task of that name is led by that unit."""
        said = folded(title)
        self._of.setdefault(lead, []).append((said, _signature(said), name))
        self._same.setdefault((lead, said), name)

    def near(self, lead: str, title: str) -> str | None:
        """The name of a task with nearly this title under this lead: an equal one, else the first; None without one."""
        said = folded(title)
        if (lead, said) in self._same:
            return self._same[lead, said]
        signature = _signature(said)
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(said)
        for other, of_other, name in self._of.get(lead, ()):
            both = len(said) + len(other)
            if 2 * min(len(said), len(other)) < ALIKE * both:
                continue
            if (signature ^ of_other).bit_count() > 5 * (1 - ALIKE) * both + _SLACK:
                continue
            matcher.set_seq1(other)
            if matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE:
                return name
        return None


def _signature(text: str) -> int:
    bits = 0
    for trigram in _trigrams(text):
        bits |= 1 << zlib.crc32(trigram.encode()) % _BITS
    return bits


def _trigrams(text: str) -> Sequence[str]:
    return [text[index : index + 3] for index in range(len(text) - 2)]
