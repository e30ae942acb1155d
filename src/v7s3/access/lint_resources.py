"""Resources that are no ARN of this bucket or its objects, or not the ARN that was meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from v7s3.access import policy_rules as rules
from v7s3.access.globs import matches
from v7s3.access.places import quoted
from v7s3.bucket import bucket_name_problem

if TYPE_CHECKING:
    from v7s3.access.actions import ResourceType
    from v7s3.access.jsontext import Node
    from v7s3.access.places import Findings

_VARIABLE = re.compile(r"\$\{[^{}]*\}")
_FILLED_IN_LATER = re.compile(r"\$\{(?![*?$]\})(?![\w.-]+:[^:{}])[^{}]*\}")  # a policy variable is service:name
_ARN = re.compile(r"arn:([^:]*):([^:]*):([^:]*):([^:]*):(.*)", re.DOTALL)
_PARTITION = re.compile(r"aws(?:-[a-z-]+)?|.*[*?].*")
_UNFILLED = re.compile(r"<[^>]*>|\{\{|\}\}|\[[^\]]*\]|\{[^}]*\}|%s")
_UNFILLED_NAME = re.compile(r"your[\w-]*|[\w-]*your-?(?:s3-?)?bucket[\w-]*|bucket[-_]?name", re.IGNORECASE)
_NAME_OF_AWS = re.compile(
    r"doc-example-bucket\d*|amzn-s3-demo-.*|awsexamplebucket\d*", re.IGNORECASE
)  # in its examples


@dataclass(slots=True)
class Buckets:
    """The bucket that the policy is for, or else the first one that it names."""

    given: str | None
    first: str = ""


def lint_resources(
    findings: Findings, nodes: list[Node], buckets: Buckets, *, variables: bool
) -> frozenset[ResourceType]:
    """Check the texts of Resource or NotResource; returns what they are, as far as it can be told."""
    kinds: set[ResourceType] = set()
    for node in nodes:
        text = str(node.value)
        if "${" in text and not variables and _VARIABLE.search(text):
            message = f'{quoted(text)} holds a variable, and the policy does not say "Version": "2012-10-17"'
            findings.add(rules.IDLE_VARIABLE, message, node)
        kinds |= _lint_resource(findings, node, text, buckets)
    return frozenset(kinds)


def _lint_resource(findings: Findings, node: Node, text: str, buckets: Buckets) -> set[ResourceType]:
    both: set[ResourceType] = {"bucket", "object"}
    if text == "*":
        bucket = buckets.given or "BUCKET"
        fix = f'"Resource": ["arn:aws:s3:::{bucket}", "arn:aws:s3:::{bucket}/*"]'
        findings.add(rules.RESOURCE, "a lone * is no resource of a bucket policy", node, fix=fix)
        return both
    template = _FILLED_IN_LATER.search(text)
    if template is not None and text.startswith("arn:"):
        message = f"{quoted(template[0])} is no policy variable but a tool's; this reads the finished JSON"
        findings.add(rules.PLACEHOLDER, message, node)
        return both
    masked = _VARIABLE.sub("*", text)  # variables hold colons; for what is judged here they may stand for anything
    match = _ARN.fullmatch(masked)
    problem, fix = _why_no_arn(text) if match is None else _why_not_s3(match)
    if problem or match is None:
        findings.add(rules.RESOURCE, f"{quoted(text)} {problem}", node, fix=fix)
        return both
    bucket, slash, key = match[5].partition("/")
    _lint_bucket(findings, node, bucket, buckets)
    if slash:
        _lint_key(findings, node, key)
        return {"object"}
    return both if re.search(r"[*?]", bucket) else {"bucket"}


def _why_no_arn(text: str) -> tuple[str, str]:  # noqa: PLR0911  # a case a line
    """What is wrong with a resource that has not the six parts of an ARN, and the resource that was meant."""
    if text.strip() != text or re.search(r"\s", text.partition("/")[0]):
        meant = re.sub(r"\s+", "", text)
        return "holds a blank", f'"Resource": {quoted(meant)}'
    if text.startswith("s3://"):
        return "is an S3 URL, not an ARN", f'"Resource": "arn:aws:s3:::{_with_star(text[5:])}"'
    if text.startswith(("http://", "https://")):
        return "is a web address, not an ARN", ""
    if text.startswith("${") or "${" in text.partition(":")[0]:
        return "is an expression of Terraform or CloudFormation; this reads the finished JSON", ""
    colons = re.fullmatch(r"arn:(aws[a-z-]*):s3:{1,5}([^:].*)", text, re.DOTALL)
    if colons:
        meant = f"arn:{colons[1]}:s3:::{colons[2]}"
        return f"has not three colons behind s3; write {quoted(meant)}", f'"Resource": {quoted(meant)}'
    if not text.startswith("arn:"):
        return "is no ARN", f'"Resource": "arn:aws:s3:::{_with_star(text)}"' if re.match(r"[a-z0-9]", text) else ""
    return "is no ARN of S3, which has the form arn:aws:s3:::BUCKET/KEYS", ""


def _with_star(rest: str) -> str:
    bucket, _, key = rest.partition("/")
    return f"{bucket}/{key.rstrip('*')}*"


def _why_not_s3(arn: re.Match[str]) -> tuple[str, str]:  # noqa: PLR0911  # a case a line
    partition, service, region, account, rest = arn.groups()
    if service != "s3":
        return f"is of the service {quoted(service)}, not s3", f'"Resource": "arn:aws:s3:::{rest}"' if rest else ""
    if not _PARTITION.fullmatch(partition):
        return f"has the partition {quoted(partition)}; it is aws, aws-cn or aws-us-gov", ""
    pasted = re.match(r"s3[an]?://(.*)", rest, re.DOTALL)
    if pasted:
        return "has an S3 URL in it; only the name belongs there", f'"Resource": "arn:aws:s3:::{_with_star(pasted[1])}"'
    if rest.startswith(("http://", "https://", "arn:")):
        return "has an address in the place of the bucket's name", ""
    if rest.partition("/")[0].endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return "has a host name in it; only the bucket's name belongs there", ""
    if rest.startswith("accesspoint/"):
        return "is an access point; it belongs into the access point's own policy", ""
    if rest.startswith(":"):
        meant = f"arn:{partition}:s3:::{rest.lstrip(':')}"
        return f"has not three colons behind s3; write {quoted(meant)}", f'"Resource": {quoted(meant)}'
    if region or account:
        meant = f"arn:{partition}:s3:::{rest}"
        return f"names a region or an account; write {quoted(meant)}", f'"Resource": {quoted(meant)}'
    if not rest or rest.startswith("/"):
        return "names no bucket", ""
    return "", ""


def _lint_bucket(findings: Findings, node: Node, bucket: str, buckets: Buckets) -> None:
    given = buckets.given
    if _UNFILLED.search(bucket):
        fix = f'"arn:aws:s3:::{given}/*"' if given else ""
        findings.add(rules.PLACEHOLDER, f"{quoted(bucket)} is a placeholder, not a bucket", node, fix=fix)
    elif given is not None:
        if bucket != given and not matches(bucket, given) and not matches(bucket, f"{given}/"):
            message = f"{quoted(bucket)} is not this bucket, {quoted(given)}"
            findings.add(rules.OTHER_BUCKET, message, node, fix=quoted(f"arn:aws:s3:::{given}/*"))
    elif _is_of_an_example(bucket):
        # Whose document this is nobody said: it may be the guide itself, and S3 refuses only names that none can have.
        stored = _NAME_OF_AWS.fullmatch(bucket) or bucket_name_problem(bucket) is None
        message = f"{quoted(bucket)} is the name of an example"
        findings.add(rules.PLACEHOLDER, message, node, severity="info" if stored else "error")
    elif not re.search(r"[*?]", bucket):
        _lint_name(findings, node, bucket, buckets)
    elif re.search(r"[^a-z0-9.*?-]", bucket):
        message = f"{quoted(bucket)} matches no bucket: their names are lower-case letters, digits, dots and hyphens"
        findings.add(rules.RESOURCE, message, node)


def _is_of_an_example(bucket: str) -> bool:
    return any(names.fullmatch(bucket) for names in (_UNFILLED_NAME, _NAME_OF_AWS))


def _lint_name(findings: Findings, node: Node, bucket: str, buckets: Buckets) -> None:
    problem = bucket_name_problem(bucket)
    if problem is not None and problem.kind == "invalid":
        findings.add(rules.RESOURCE, f"{quoted(bucket)} {problem.message}", node)
    elif not buckets.first:
        buckets.first = bucket
    elif bucket != buckets.first:
        message = f"{quoted(bucket)} and, further up, {quoted(buckets.first)}: one of them is not this bucket"
        findings.add(rules.TWO_BUCKETS, message, node)


def _lint_key(findings: Findings, node: Node, key: str) -> None:
    arn = str(node.value)
    if key != key.rstrip():
        message = f"{quoted(node.value)} ends in a blank, and covers only keys that do so too"
        findings.add(rules.ODD_KEY, message, node, fix=quoted(arn.rstrip()))
    elif re.search(r",\s*arn:", key):
        message = f"{quoted(node.value)} is several resources in one text; write a list of texts"
        findings.add(rules.ODD_KEY, message, node)
    elif re.search(r"[*?]", key):
        if key.startswith("/"):
            message = f"{quoted(node.value)} covers only keys that begin with a slash"
            findings.add(rules.ODD_KEY, message, node, fix=quoted(arn.replace("//", "/", 1)))
        elif re.search(r"%[0-9A-Fa-f]{2}", key):
            message = f"{quoted(node.value)} holds a URL escape, which S3 does not decode here"
            findings.add(rules.ODD_KEY, message, node)
        elif "\\" in key:
            findings.add(rules.ODD_KEY, f"{quoted(node.value)} holds a backslash; keys have slashes", node)
    elif not key or key.endswith("/"):
        covered = "no object at all" if not key else "the one object of exactly this name"
        fix = f'"Resource": {quoted(f"{arn}*")}'
        findings.add(rules.SINGLE_KEY, f"{quoted(node.value)} covers {covered}", node, fix=fix)
