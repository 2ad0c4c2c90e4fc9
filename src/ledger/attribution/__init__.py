"""Who slipped what, and when: pure functions from a task's events to charges, by the rules of docs/attribution.md."""

from ledger.attribution.charges import Charge, LostDays, Slip, charges, slip
from ledger.attribution.covers import BaselineKind
from ledger.attribution.epochs import Attribution, Epoch, Run, attribute, attribute_both, epoch_on
from ledger.attribution.labels import Cause, Concurrent
from ledger.attribution.timeline import AFFECTS_CHARGES, Place, Places

__all__ = [
    "AFFECTS_CHARGES",
    "Attribution",
    "BaselineKind",
    "Cause",
    "Charge",
    "Concurrent",
    "Epoch",
    "LostDays",
    "Place",
    "Places",
    "Run",
    "Slip",
    "attribute",
    "attribute_both",
    "charges",
    "epoch_on",
    "slip",
]
