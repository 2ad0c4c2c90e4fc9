"""Units as files name them: by code, or by their exact name on the day."""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Mapping

from ledger.domain.unit import Unit
from ledger.services.plan_files.folding import folded, tidy


class UnitNameError(ValueError):
    """Text that names no unit, or several; the message says which ones are near."""


class UnitNames:
    """Looks units up by what people write."""

    def __init__(self, units: Mapping[str, Unit], day: dt.date) -> None:
        """The names and mergers that hold on `day`."""
        self._names: dict[str, str] = {}
        self._merged: dict[str, str] = {}
        self._by_name: dict[str, list[str]] = {}
        for code, unit in units.items():
            situation = unit.situation(day) or unit.segments[0]
            self._names[code] = situation.name
            if situation.merged_into is not None:
                self._merged[code] = situation.merged_into
            else:
                self._by_name.setdefault(tidy(situation.name), []).append(code)

    def code(self, text: str) -> str:
        """The unit's code; raises `UnitNameError`."""
        said = tidy(text)
        if said in self._names:
            if said in self._merged:
                raise UnitNameError(f"unit {said} was merged into {self._merged[said]}")
            return said
        named = self._by_name.get(said, [])
        if len(named) > 1:
            raise UnitNameError(f"{said!r} is the name of several units, {', '.join(sorted(named))}: give the code")
        if named:
            return named[0]
        raise UnitNameError(f"there is no unit {said!r}{self._near(said)}")

    def codes(self, text: str) -> tuple[str, ...]:
        """The units of a list, without repeats: one a line, or between semicolons, or commas where no name has any.

        Raises `UnitNameError` for the first that is none.
        """
        found: list[str] = []
        for part in re.split(r"[;\n]", text):
            said = re.sub(r"^\s*[-\u2013•+]\s+", "", part)
            if not said.strip():
                continue
            try:
                found.append(self.code(said))
            except UnitNameError:
                if "," not in said:
                    raise
                found.extend(self._between_commas(said))
        return tuple(dict.fromkeys(found))

    def _between_commas(self, text: str) -> list[str]:
        """Names may hold commas themselves, so the longest that is a unit counts."""
        pieces = text.split(",")
        found, start = [], 0
        while start < len(pieces):
            if not pieces[start].strip():
                start += 1
                continue
            for end in range(len(pieces), start, -1):
                try:
                    found.append(self.code(",".join(pieces[start:end])))
                except UnitNameError:
                    if end == start + 1:
                        raise
                else:
                    start = end
                    break
        return found

    def _near(self, said: str) -> str:
        by_folded = {folded(name): f"{name} ({code})" for code, name in self._names.items() if code not in self._merged}
        by_folded |= {folded(code): f"{self._names[code]} ({code})" for code in self._names if code not in self._merged}
        near = difflib.get_close_matches(folded(said), by_folded, n=3, cutoff=0.75)
        meant = list(dict.fromkeys(by_folded[name] for name in near))
        return f"; near: {', '.join(meant)}" if meant else ""
