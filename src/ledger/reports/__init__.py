"""Reports: one module a report, and the writers that put any of them on paper or screen."""

from ledger.reports.base import Report
from ledger.reports.deadlines import DeadlinesReport
from ledger.reports.overdue import OverdueReport
from ledger.reports.slip import SlipReport
from ledger.reports.status import StatusReport

REPORTS: dict[str, Report] = {
    report.name: report for report in (StatusReport(), OverdueReport(), SlipReport(), DeadlinesReport())
}
"""Every report by name. A new one is added here and nowhere else."""
