"""SARIF 2.1.0 for code scanning: findings in policy and CORS *files*. A bucket has no lines that GitHub could show.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/, and what GitHub reads of it:
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from v7s3 import __version__

if TYPE_CHECKING:
    from v7s3.render import Style
    from v7s3.report import Check, Finding, Report, Rule, Severity

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report, _style: Style) -> str:
    rules = list({finding.rule.ident: finding.rule for finding in report.findings}.values())
    index = {rule.ident: number for number, rule in enumerate(rules)}
    driver = {
        "name": "v7s3",
        "version": __version__,
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in rules],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(report)],
        "results": [_result(finding, index[finding.rule.ident], report.subject) for finding in report.findings],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _rule(rule: Rule) -> dict[str, Any]:
    help_text = f"Why: {rule.why}\n\nFix: {rule.fix}" + (f"\n\nVerify: {rule.verify}" if rule.verify else "")
    document: dict[str, Any] = {
        "id": rule.ident,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": help_text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }
    if rule.source.startswith("https://"):
        document["helpUri"] = rule.source.split()[0].rstrip(",;")
    return document


def _result(finding: Finding, index: int, subject: str) -> dict[str, Any]:
    location = finding.location
    # GitHub shows only what has a line; a finding about the whole document stands at its beginning.
    region = {"startLine": location.line or 1}
    if location.column is not None:
        region["startColumn"] = location.column
    place: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": _uri(location.document or subject)}, "region": region}
    }
    if location.pointer or location.name:
        names = {"name": location.name, "fullyQualifiedName": location.pointer}
        place["logicalLocations"] = [{key: value for key, value in names.items() if value}]
    return {
        "ruleId": finding.rule.ident,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.message}\nFix: {finding.fix}" if finding.fix else finding.message},
        "locations": [place],
    }


def _invocation(report: Report) -> dict[str, Any]:
    """What was not asked, or could not be, so that no results are not taken for no problems."""
    return {
        "executionSuccessful": all(check.status != "error" for check in report.checks),
        "toolExecutionNotifications": [
            _notification(check) for check in report.checks if check.status in ("skip", "error")
        ],
    }


def _notification(check: Check) -> dict[str, Any]:
    return {
        "level": "error" if check.status == "error" else "note",
        "message": {"text": f"{check.ident}: {check.summary}"},
    }


def _uri(document: str) -> str:
    """A relative reference for a file of the checkout, `file:` for an absolute path."""
    path = Path(document)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
