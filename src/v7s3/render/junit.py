"""JUnit XML for GitLab and Jenkins: a check is a test case, and fails when it makes v7s3 end with exit code 1.

The dialect that both read: one `failure` a test case, no nested suites
(https://docs.gitlab.com/ci/testing/unit_test_reports/, Jenkins' junit-10.xsd).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from v7s3.render.text import describe

if TYPE_CHECKING:
    from v7s3.render import Style
    from v7s3.report import Check, Finding, Report

# XML 1.0 has no way to write these characters, not even as references.
_NOT_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, _style: Style) -> str:
    suites = Element("testsuites", name="v7s3")
    suite = SubElement(suites, "testsuite", name=_plain(report.subject))
    for check in report.checks:
        _case(suite, report.subject, check)
    count = {kind: len(suite.findall(f"testcase/{kind}")) for kind in ("failure", "error", "skipped")}
    suite.attrib |= {
        "tests": str(len(report.checks)),
        "failures": str(count["failure"]),
        "errors": str(count["error"]),
        "skipped": str(count["skipped"]),
    }
    indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(suites, encoding="unicode")


def _case(suite: Element, subject: str, check: Check) -> None:
    case = SubElement(suite, "testcase", classname=f"v7s3 {_plain(subject)}", name=check.ident, time="0")
    documents = [one.location.document for one in check.findings if one.location.document]
    if documents and "://" not in documents[0]:  # GitLab links to it as to a file of the checkout
        case.set("file", _plain(documents[0]))
    told = "\n\n".join(_finding(finding) for finding in check.findings)
    if check.status == "skip":
        SubElement(case, "skipped", message=_plain(check.summary))
    elif check.status == "error":
        SubElement(case, "error", message=_plain(check.summary), type="could not run").text = _plain(told)
    elif check.status == "fail":
        first = next(iter(check.findings), None)
        kind = first.rule.ident if first is not None else check.ident
        SubElement(case, "failure", message=_plain(check.summary), type=kind).text = _plain(told or check.summary)
    elif told:
        SubElement(case, "system-out").text = _plain(told)


def _finding(finding: Finding) -> str:
    place = describe(finding.location)
    message = f"{place}: {finding.message}" if place else finding.message
    return f"{finding.rule.ident} {finding.severity}: {message}\nwhy: {finding.rule.why}\nfix: {finding.fix}"


def _plain(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
