"""Tasks that say nearly the same: led by the same unit, with titles alike."""

from __future__ import annotations

import difflib
from bisect import bisect_left, bisect_right, insort
from collections import Counter

from ledger.services.plan_files.folding import folded

ALIKE = 0.92
"""From this ratio on (difflib's: twice the characters in common, by both lengths) two titles are nearly equal."""
_KINDS, _COUNTED = 37, 64

Title = tuple[int, str, int, str]
"""(length, folded title, tally, name of the task)."""


class Titles:
    """Titles by unit, to be asked for one nearly equal.

    Of titles alike at most 8 % of the characters have no partner. So their lengths are near, and so are the counts of
    each character, which tallies compare in one operation; only what passes both is compared in full.
    """

    def __init__(self) -> None:
        self._of: dict[str, list[Title]] = {}
        self._same: dict[tuple[str, str], str] = {}

    def add(self, lead: str, title: str, name: str) -> None:
        """A task of that name is led by that unit."""
        said = folded(title)
        insort(self._of.setdefault(lead, []), (len(said), said, _tally(said), name))
        self._same.setdefault((lead, said), name)

    def near(self, lead: str, title: str) -> str | None:
        """The name of a task with nearly this title under this lead: of an equal one, else of the shortest; or None."""
        said = folded(title)
        if (lead, said) in self._same:
            return self._same[lead, said]
        tally, length = _tally(said), len(said)
        # 2 · min / (a + b) >= ALIKE, solved for the other length; one more for rounding.
        furthest = (2 - ALIKE) / ALIKE
        titles = self._of.get(lead, [])
        first = bisect_left(titles, int(length / furthest) - 1, key=_length)
        last = bisect_right(titles, int(length * furthest) + 1, key=_length)
        matcher = difflib.SequenceMatcher(autojunk=False)
        matcher.set_seq2(said)
        for of_other, other, other_tally, name in titles[first:last]:
            if (tally ^ other_tally).bit_count() <= (1 - ALIKE) * (length + of_other) + 1:
                matcher.set_seq1(other)
                if matcher.ratio() >= ALIKE:
                    return name
        return None


def _length(title: Title) -> int:
    return title[0]


def _tally(text: str) -> int:
    """How often each kind of character occurs, in unary: as many bits of its field are set.

    The bits in which two tallies differ are at most as many as the characters without a partner: kinds of several
    characters and counts past the field's width only make them fewer.
    """
    tally = 0
    for kind, count in Counter(ord(char) % _KINDS for char in text).items():
        tally |= ((1 << min(count, _COUNTED)) - 1) << kind * _COUNTED
    return tally
