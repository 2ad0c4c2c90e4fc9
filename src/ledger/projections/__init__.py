"""Read models: pure projections, and the one runner that keeps them in step with the log."""

from zoneinfo import ZoneInfo

from ledger.projections.base import Projection
from ledger.projections.charges import Charges
from ledger.projections.deadline_history import DeadlineHistory
from ledger.projections.plan_state import PlanState
from ledger.projections.plan_tree import PlanTree
from ledger.projections.requests import Requests
from ledger.projections.timeline import Timeline
from ledger.projections.unit_tree import UnitTree


def all_projections(zone: ZoneInfo) -> tuple[Projection, ...]:
    """Every projection of this version of the product, for a ledger of that zone.

    A new one is added here and nowhere else.
    """
    return PlanState(), Timeline(), DeadlineHistory(), Charges(zone), Requests(), UnitTree(), PlanTree()
