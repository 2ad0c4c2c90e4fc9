"""The items of a plan that a file's rows cite: a pillar, a phase of a pillar, or a line of the plan itself."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from ledger.domain.commands import PlanItem
from ledger.services.plan_files.folding import folded
from ledger.services.plan_files.rows import TaskLine

_LONGEST = 55


class ItemError(ValueError):
    """Two rows, or a row and the plan, say different things of one item; `field` is the column at fault."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class PlanItems:
    """Gathers the items that rows need, beside those that the plan has."""

    def __init__(self, plan: str, title: str, known: Mapping[str, PlanItem]) -> None:
        self._plan, self._title = plan, title
        self._known = known
        self._needed: dict[str, PlanItem] = {}

    @property
    def new(self) -> tuple[PlanItem, ...]:
        """The items that the plan has not yet, each after its parent."""
        return tuple(item for code, item in self._needed.items() if code not in self._known)

    def cited_by(self, line: TaskLine) -> str:
        """The code of the item that the row cites: its own, else the phase of its pillar, its pillar, its phase, or
        the one item that stands for the plan as a whole. Raises `ItemError`.
        """
        pillar = self._put(PlanItem(slug(line.pillar), line.pillar), "pillar") if line.pillar else None
        if line.item:
            return self._own(line, line.item, pillar)
        if line.phase:
            code = f"{pillar}/{slug(line.phase)}" if pillar else slug(line.phase)
            title = f"{line.pillar} · {line.phase}" if line.pillar else line.phase
            return self._put(PlanItem(code, title[:500], pillar, line.phase), "phase")
        return pillar or self._put(PlanItem(self._plan, self._title), "code")

    def _own(self, line: TaskLine, code: str, pillar: str | None) -> str:
        """An item that the file names by its code; of one that the plan has, the file may leave the rest out."""
        held = self._known.get(code) or self._needed.get(code)
        if held is None:
            return self._put(
                PlanItem(code, line.pillar or code, pillar if pillar != code else None, line.phase), "item"
            )
        if line.phase and folded(line.phase) != folded(held.phase or ""):
            raise ItemError("phase", f"item {code} has the phase {held.phase or 'none'}, not {line.phase}")
        if pillar and pillar not in (code, held.parent):
            raise ItemError("pillar", f"item {code} lies under {held.parent or 'no pillar'}, not under {line.pillar}")
        return code

    def _put(self, item: PlanItem, field: str) -> str:
        held = self._known.get(item.code) or self._needed.get(item.code)
        if held is None:
            self._needed[item.code] = item
        elif held.title != item.title and item.code != self._plan:
            raise ItemError(
                field, f"{item.title!r} and {held.title!r} would be the same item, {item.code}: spell them alike"
            )
        return item.code


def slug(text: str) -> str:
    """A code for what people call a pillar or a phase: `Thể chế` -> `THE-CHE`."""
    plain = folded(text).replace(" ", "-").upper()
    if len(plain) <= _LONGEST and plain:
        return plain
    return f"{plain[: _LONGEST - 9]}-{hashlib.sha256(folded(text or '').encode()).hexdigest()[:8]}".lstrip("-").upper()
