"""The published JSON, version 1. Its shape is its own: inner classes may change without breaking a script."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from v7s3.render import Style
    from v7s3.report import Check, Finding, Report

VERSION = 1


def render(report: Report, _style: Style) -> str:
    return json.dumps(document(report), indent=2, ensure_ascii=False)


def document(report: Report) -> dict[str, Any]:
    return {
        "version": VERSION,
        "subject": report.subject,
        "checks": [_check(check) for check in report.checks],
        "summary": dict(Counter(check.status for check in report.checks)),
        "next_steps": list(report.next_steps),
    }


def _check(check: Check) -> dict[str, Any]:
    return {
        "id": check.ident,
        "status": check.status,
        "summary": check.summary,
        "findings": [_finding(finding) for finding in check.findings],
        "notes": list(check.notes),
        "call": check.call,
        "permission": check.permission,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    location = finding.location
    return {
        "id": finding.rule.ident,
        "title": finding.rule.title,
        "severity": finding.severity,
        "message": finding.message,
        "location": {
            "document": location.document,
            "pointer": location.pointer,
            "name": location.name,
            "line": location.line,
            "column": location.column,
        },
        "why": finding.rule.why,
        "fix": finding.fix,
    }
