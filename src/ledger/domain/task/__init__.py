"""The task aggregate: its state, how an event changes it, and which commands it takes."""

from ledger.domain.task.decide import decide
from ledger.domain.task.evolve import evolve, fold, walk
from ledger.domain.task.state import Blocker, ExtensionRequest, Segment, Situation, Task
from ledger.domain.task.status import Status, status

__all__ = [
    "Blocker",
    "ExtensionRequest",
    "Segment",
    "Situation",
    "Status",
    "Task",
    "decide",
    "evolve",
    "fold",
    "status",
    "walk",
]
