"""A plan's file recorded as a whole, through the same door as every command."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from ledger.errors import BadFile, LedgerError
from ledger.services.commands import Outcome
from ledger.services.deciding import Submission
from ledger.services.importing import Summary
from ledger.services.ledger import Ledger
from ledger.services.plan_files.draft import Draft, PlannedTask

BATCH = 500
"""Commands appended together; an import that is cut off between two is run again."""


def record(
    ledger: Ledger, draft: Draft, progress: Callable[[int, int], None], report: Callable[[int, Outcome], None]
) -> Summary:
    """The plan and its tasks are recorded; `report` is told of each row. Raises `BadFile` when the draft is faulty.

    It may be cut off anywhere: the same file checked and recorded again goes on where it stopped. Raises `Refused`
    when the plan was changed in between so that it no longer takes the items.
    """
    if draft.faulty:
        raise BadFile(draft.file, None, "it has errors, so nothing of it is recorded")
    for outcome in ledger.commands.handle(draft.steps) if draft.steps else ():
        if isinstance(outcome, LedgerError):
            raise outcome
    summary = Summary(lines=0, replayed=sum(task.recorded for task in draft.tasks))
    summary.lines = summary.replayed
    waiting = [task for task in draft.tasks if task.submission is not None and not task.recorded]
    rest = iter(waiting)
    done = 0
    while batch := list(islice(rest, BATCH)):
        for task, outcome in zip(batch, ledger.commands.handle(_submissions(batch)), strict=True):
            summary.count(outcome)
            report(task.line.row, outcome)
        done += len(batch)
        progress(done, len(waiting))
    return summary


def _submissions(tasks: Iterable[PlannedTask]) -> list[Submission]:
    return [task.submission for task in tasks if task.submission is not None]
