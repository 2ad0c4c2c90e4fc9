"""The small frozen values that commands and events are made of."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Struct

Code = Annotated[
    str,
    Meta(min_length=1, max_length=120, pattern=r"^[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$(?!\n)"),
]
"""The name by which people cite a unit, task, plan, item or blocker: 1-120 characters, no control characters,
no blank at either end."""
Line = Annotated[str, Meta(min_length=1, max_length=500)]
"""One line that must be there and that anyone may read, such as the name of a unit: entries hold it as it is."""

KIND_OF_TEXT = "text"
"""Under this name the types below say what kind of text they are; `domain.texts` keeps these out of entries."""
Text = Annotated[str, Meta(max_length=10_000, extra={KIND_OF_TEXT: "free"})]
"""Free text, possibly empty. Entries hold a reference to it."""
TextLine = Annotated[str, Meta(min_length=1, max_length=500, extra={KIND_OF_TEXT: "free"})]
"""One line of free text that must be there, such as the title of a task. Entries hold a reference to it."""
Person = Annotated[str, Meta(min_length=1, max_length=500, extra={KIND_OF_TEXT: "person"})]
"""Who somebody is. Entries hold a reference to it."""

Priority = Literal["normal", "high", "urgent"]
Classification = Literal["public", "internal", "confidential", "secret", "top_secret"]


class Value(Struct, frozen=True, forbid_unknown_fields=True):
    """A value without identity; an unknown field is an error, so that a misspelt one is not lost."""


class Deadline(Value, frozen=True):
    """The day by which, or before which, a result is due, with the wording it was given in."""

    date: dt.date
    kind: Literal["by", "before"] = "by"
    text: Text | None = None
    roll_forward: bool = False
    moved_to: dt.date | None = None
    """With `roll_forward`, the working day to which the ledger moved it when it was given; commands leave it out."""

    @property
    def last_day(self) -> dt.date:
        """The last local day that is still in time: `by D` ends with day D, `before D` with the day before it.

        With `roll_forward`, if that day is off, with the next one that is worked (RULES, days, 1).
        """
        if self.moved_to is not None:
            return self.moved_to
        return self.date if self.kind == "by" else self.date - dt.timedelta(days=1)

    def falls_with(self, other: Deadline | None) -> bool:
        """The other gives the same date in the same sense; the wording may differ."""
        return other is not None and (self.date, self.kind, self.last_day) == (other.date, other.kind, other.last_day)


class Ground(Value, frozen=True):
    """What an extension rests on: exactly one of a blocker, a suspension (by the unit that suspended) or a
    predecessor's tenure as lead.
    """

    blocker: Code | None = None
    suspension_by: Code | None = None
    predecessor_lead: Code | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The fields that are given; a ground is well formed when there is exactly one."""
        return tuple(name for name in self.__struct_fields__ if getattr(self, name) is not None)


class PlanItemRef(Value, frozen=True):
    """A citation of a plan's item by a task."""

    plan: Code
    item: Code


class Indicator(Value, frozen=True):
    """A measure by which the result is judged."""

    name: Line
    target: Text | None = None
    measure: Text | None = None


class IndicatorValue(Value, frozen=True):
    """A reading of an indicator; a decimal, kept as text because entries hold no floats."""

    name: Line
    value: Annotated[str, Meta(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,9})?$(?!\n)")]


class Document(Value, frozen=True):
    """A document that stays outside the ledger and is bound to it by its SHA-256."""

    name: TextLine
    media_type: Line
    size: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]


def basis_points(percent: Decimal) -> int | None:
    """The percentage in basis points, because entries hold no floats.

    None when it is outside 0-100 or has more than two decimals.
    """
    if not percent.is_finite() or not 0 <= percent <= 100:
        return None
    # Rounded and compared, not multiplied: a product is rounded to the context's 28 digits, and may overflow.
    rounded = percent.quantize(Decimal("0.01"))
    return int(rounded.scaleb(2)) if rounded == percent else None


def percent_text(points: int) -> str:
    """Basis points as a percentage without needless zeros: 4550 -> `45.5`."""
    whole, rest = divmod(points, 100)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else str(whole)
