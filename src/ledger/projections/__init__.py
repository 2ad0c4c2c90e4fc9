"""Read models: pure projections, and the one runner that keeps them in step with the log."""

from ledger.projections.base import Projection
from ledger.projections.deadline_history import DeadlineHistory
from ledger.projections.plan_state import PlanState
from ledger.projections.timeline import Timeline
from ledger.projections.unit_tree import UnitTree

PROJECTIONS: tuple[Projection, ...] = (PlanState(), Timeline(), DeadlineHistory(), UnitTree())
"""Every projection of this version of the product. A new one is added here and nowhere else."""
