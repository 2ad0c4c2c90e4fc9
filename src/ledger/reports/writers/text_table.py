"""Tables of text in a given width: columns give way to each other, cells break between words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct
from rich.cells import cell_len, chop_cells

GAP = "  "
CAPS = (32, 24, 20, 16, 14, 13, 12, 11, 10, 9, 8)
"""How much of a long word a column of texts must at least hold, from what is wished for to what will do."""
_PIECES = re.compile(r"[^-/_.,;]*[-/_.,;]+|[^-/_.,;]+")
"""Where a word that is too long breaks best: behind its punctuation."""


class Lane(Struct, frozen=True):
    """A column of texts, its heading apart. A `whole` one (numbers, dates) never breaks within a word."""

    heading: str
    cells: Sequence[str]
    right: bool = False
    whole: bool = False


def fit(lanes: Sequence[Lane], width: int, caps: Sequence[int] = CAPS, short: int = 14) -> tuple[list[int], bool]:
    """The lanes' widths, and whether they fit into `width`. Where texts must give way, the widest does so first.

    Texts up to `short`, such as causes, stay in one line where they can: breaking them costs a line in every row.
    """
    room = width - len(GAP) * (len(lanes) - 1)
    wanted = [max(_widest([lane.heading]), _widest(lane.cells)) for lane in lanes]
    least = wanted
    for cap in caps:
        least = [_least(lane, cap, short) for lane in lanes]
        if sum(least) <= room:
            break
    else:
        return least, False
    while sum(wanted) > room:
        giving = max((index for index in range(len(lanes)) if wanted[index] > least[index]), key=wanted.__getitem__)
        wanted[giving] -= 1
    return wanted, True


def draw(lanes: Sequence[Lane], widths: Sequence[int], sums: int) -> Iterator[str]:
    """The lines of the table: headings, a rule, the rows, and a rule before the last `sums` rows."""
    pad = [_right if lane.right else _left for lane in lanes]
    rule = GAP.join("─" * width for width in widths)
    yield from _lines([lane.heading for lane in lanes], widths, pad, at_foot=True)
    yield rule
    rows = len(lanes[0].cells)
    for row in range(rows):
        if row == rows - sums:
            yield rule
        yield from _lines([lane.cells[row] for lane in lanes], widths, pad)


def wrap(text: str, width: int) -> list[str]:
    """The text in lines of at most `width`; a word that is longer breaks, behind punctuation when it has any."""
    lines, line = [], ""
    for word in text.split(" "):
        if cell_len(line) + bool(line) + cell_len(word) <= width:
            line = f"{line} {word}" if line else word
            continue
        pieces = [word] if cell_len(word) <= width else _PIECES.findall(word)
        for index, piece in enumerate(pieces):
            joined = line + (" " if line and index == 0 else "") + piece
            if cell_len(joined) <= width:
                line = joined
                continue
            if line:
                lines.append(line)
            *full, line = chop_cells(piece, width) or [""]
            lines.extend(full)
    return [*lines, line] if line or not lines else lines


def _least(lane: Lane, cap: int, short: int) -> int:
    if lane.whole:
        return max(_longest_word(lane.cells), min(_longest_word([lane.heading]), cap))
    return min(max(_longest_word(lane.cells), _longest_word([lane.heading]), min(_widest(lane.cells), short)), cap)


def _widest(texts: Sequence[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _longest_word(texts: Sequence[str]) -> int:
    # Not split(): it would break figures at the narrow no-break spaces of French thousands.
    return max((cell_len(word) for text in texts for word in text.split(" ")), default=0)


def _lines(
    cells: Sequence[str], widths: Sequence[int], pad: Sequence[Callable[[str, int], str]], *, at_foot: bool = False
) -> Iterator[str]:
    """The lines of one row; headings stand on their rule, other cells hang from the top."""
    wrapped = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
    if at_foot:
        height = max(map(len, wrapped))
        wrapped = [[""] * (height - len(lines)) + lines for lines in wrapped]
    for line in zip_longest(*wrapped, fillvalue=""):
        yield GAP.join(each(text, width) for each, text, width in zip(pad, line, widths, strict=True)).rstrip()


def _left(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text
