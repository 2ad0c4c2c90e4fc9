"""The status of a task on a day, in the words of the officials' table (DESIGN section 9)."""

from __future__ import annotations

import datetime as dt
from typing import Literal

from ledger.domain.task.state import Situation

Status = Literal[
    "done_on_time",
    "done_late",
    "open_in_time",
    "open_overdue",
    "not_due",
    "suspended",
    "cancelled",
    "not_stated",
]


def status(situation: Situation, on: dt.date) -> Status:
    """The one status that holds at the end of local day `on`; the order of the questions is DESIGN section 9's.

    Done on time means that the accepted submission was made by the last day of the deadline then in force; a result
    that was never given a deadline cannot be late.
    """
    if situation.life == "cancelled":
        return "cancelled"
    if situation.life == "done":
        against, submitted = situation.submitted_against, situation.submitted_on
        late = against is not None and submitted is not None and submitted > against.last_day
        return "done_late" if late else "done_on_time"
    if situation.suspended_by is not None:
        return "suspended"
    if situation.deadline is None:
        return "not_stated"
    if situation.start is not None and situation.start > on:
        return "not_due"
    return "open_in_time" if on <= situation.deadline.last_day else "open_overdue"
