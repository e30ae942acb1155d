"""What a check has to say: rules, findings, checks and the report that collects them.

A *rule* is a thing that can be wrong, with a stable ident (`POL003`). A *finding* is one place where it is wrong.
A *check* is one question that was asked, with the findings it produced. A *report* is the list of checks of one run.
These are plain values: they never print (see `v7s3.render`) and never exit.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Severity = Literal["error", "warning", "info"]
Status = Literal["ok", "warn", "fail", "skip", "error"]

_RANK: dict[Severity, int] = {"info": 0, "warning": 1, "error": 2}


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that can be wrong. `v7s3 explain IDENT` prints all of it, offline."""

    ident: str  # stable, e.g. "POL003"; never reused for another meaning
    title: str  # one line, no full stop
    severity: Severity  # what a finding has unless it says otherwise
    why: str  # what it means and why it happens
    fix: str  # how to mend it
    verify: str = ""  # the command that shows that it is mended
    source: str = ""  # where the rule is documented

    def finding(
        self,
        message: str,
        *,
        at: Location | None = None,
        fix: str = "",
        severity: Severity | None = None,
    ) -> Finding:
        """A finding of this rule; `fix` is a command to run or JSON to paste, specific to the place."""
        return Finding(self, message, at or Location(), fix or self.fix, severity or self.severity)


@dataclass(frozen=True, slots=True)
class Location:
    """Where in a document: its name, a JSON pointer, the Sid or rule ID, and line and column (both from 1)."""

    document: str = ""
    pointer: str = ""
    name: str = ""
    line: int | None = None
    column: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    rule: Rule
    message: str
    location: Location
    fix: str
    severity: Severity


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer.

    `ok` only when the question was really answered; `skip` when it was not asked (`summary` has the reason);
    `error` when asking failed for a reason that says nothing about the answer.
    """

    ident: str  # "policy", "cors-live"
    status: Status
    summary: str  # one line
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()  # assumptions and details, shown with -v
    call: str = ""  # the API call it makes, "" when offline
    permission: str = ""  # what the operator needs for it

    def at(self, fail_level: Severity) -> Check:
        """The same check, failed when one of its findings is at or above `fail_level`; what could not run stays so."""
        fails = any(_RANK[finding.severity] >= _RANK[fail_level] for finding in self.findings)
        return replace(self, status="fail") if fails and self.status != "error" else self


@dataclass(frozen=True, slots=True)
class Report:
    subject: str  # what was checked: "s3://bucket/prefix" or a file name
    checks: tuple[Check, ...]
    heading: str = ""  # who is asking: identities and versions
    next_steps: tuple[str, ...] = field(default=())

    @property
    def findings(self) -> tuple[Finding, ...]:
        return tuple(finding for check in self.checks for finding in check.findings)

    def exit_code(self, fail_level: Severity = "error") -> int:
        """1 when a finding is at or above `fail_level`, or a check failed or could not run; else 0."""
        return int(any(check.at(fail_level).status in ("fail", "error") for check in self.checks))

    def at(self, fail_level: Severity) -> Report:
        """The same report with a failed check for each that makes it end with exit code 1."""
        return replace(self, checks=tuple(check.at(fail_level) for check in self.checks))


def status_of(findings: tuple[Finding, ...] | list[Finding]) -> Status:
    """The status of a check that was answered and produced these findings."""
    severities = {finding.severity for finding in findings}
    if "error" in severities:
        return "fail"
    return "warn" if "warning" in severities else "ok"
