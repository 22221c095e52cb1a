"""The report: what a run found, its verdict, how it is shown, and how two runs differ."""

from reports.difference import Change, Difference, diff
from reports.failures import signature
from reports.model import (
    Case,
    CheckResult,
    Claims,
    Control,
    Environment,
    Level,
    Outcome,
    ProfileResult,
    Report,
    Suite,
    TargetInfo,
    Verdict,
)
from reports.store import (
    ReportNotFound,
    ReportNotJson,
    ReportNotWritten,
    ReportUnreadable,
    SchemaViolation,
    WrongSchemaVersion,
    read,
    write,
)
from reports.table import Table, table
from reports.terminal import summary
from reports.verdict import Judgement, exit_code, judge, reasons

__all__ = [
    "Case",
    "Change",
    "CheckResult",
    "Claims",
    "Control",
    "Difference",
    "Environment",
    "Judgement",
    "Level",
    "Outcome",
    "ProfileResult",
    "Report",
    "ReportNotFound",
    "ReportNotJson",
    "ReportNotWritten",
    "ReportUnreadable",
    "SchemaViolation",
    "Suite",
    "Table",
    "TargetInfo",
    "Verdict",
    "WrongSchemaVersion",
    "diff",
    "exit_code",
    "judge",
    "read",
    "reasons",
    "signature",
    "summary",
    "table",
    "write",
]
