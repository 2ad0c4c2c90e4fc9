"""Reports: one module a report, and the writers that put any of them on paper or screen."""

from ledger.reports.attention import AttentionReport
from ledger.reports.base import Report
from ledger.reports.blockers import BlockersReport
from ledger.reports.changes import ChangesReport
from ledger.reports.deadlines import DeadlinesReport
from ledger.reports.due import DueReport
from ledger.reports.overdue import OverdueReport
from ledger.reports.plan import PlanReport
from ledger.reports.review import ReviewReport
from ledger.reports.scorecard import ScorecardReport
from ledger.reports.silent import SilentReport
from ledger.reports.slip import SlipReport
from ledger.reports.status import StatusReport

REPORTS: dict[str, Report] = {
    report.name: report
    for report in (
        StatusReport(),
        ScorecardReport(),
        OverdueReport(),
        SlipReport(),
        DeadlinesReport(),
        DueReport(),
        SilentReport(),
        BlockersReport(),
        ReviewReport(),
        PlanReport(),
        ChangesReport(),
        AttentionReport(),
    )
}
"""Every report by name. A new one is added here and nowhere else."""
