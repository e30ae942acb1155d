"""Would S3 store this bucket policy, and does it say what was meant? Without evaluating it, and without a network.

`lint_policy` reads any text; `PolicyDocument.parse` reads policies. The linter works on the text's own tree so that
every finding has its line, and goes on where the parser has to stop.
"""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from v7s3.access import policy_rules as rules
from v7s3.access.jsontext import Document, Node, as_text, minified_size, python_value, read
from v7s3.access.lint_actions import ResourceKinds, lint_actions, lint_fit
from v7s3.access.lint_conditions import lint_conditions
from v7s3.access.lint_principals import lint_principal
from v7s3.access.lint_resources import Buckets, lint_resources
from v7s3.access.places import Findings, did_you_mean, kind_in_words, quoted

if TYPE_CHECKING:
    from v7s3.report import Finding

SIZE_LIMIT = (
    20_480  # bytes without white space; https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-policies.html
)
_READABLE = 1_000_000  # characters; nobody wrote a policy of this size by hand, and S3 would not store it

_DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
)
_EXCLUSIVE = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_VERSIONS = ("2012-10-17", "2008-10-17")


def lint_policy(text: object, bucket: str | None = None, *, document: str = "") -> list[Finding]:
    """Everything that is wrong with a bucket policy as a text, in the order of the text.

    `bucket` is the bucket that the policy is for, by name, ARN or `s3://` URL; without it, resources of other buckets
    are found only when there are two. `document` is the file's name for the findings' locations. Never raises, whatever
    the text is; a policy that was parsed already is read as the JSON it stands for.
    """
    text = as_text(text)
    tree = read(text[:_READABLE])
    findings = Findings(tree, document, lambda path: _sid_at(tree, path))
    if len(text) > _READABLE:
        findings.add(rules.TOO_LARGE, f"{len(text):,} characters; the limit is {SIZE_LIMIT:,} bytes", 0)
        return findings.in_order()
    _lint_json(findings)
    if tree.root is not None:
        _lint_document(findings, tree.root, _bucket_name(bucket or "") or None)
    return findings.in_order()


def _bucket_name(text: str) -> str:
    return re.sub(r"^(?:s3://|arn:[^:]*:s3:::)", "", text).partition("/")[0]


def _sid_at(tree: Document, path: tuple[str | int, ...]) -> str:
    """The Sid of the statement that a path leads into."""
    if tree.root is None or path[:1] != ("Statement",):
        return ""
    statement = tree.root.get("Statement")
    if statement is not None and statement.kind == "array":
        inside = len(path) > 1 and isinstance(path[1], int)
        statement = statement.elements[int(path[1])] if inside else None
    sid = statement.get("Sid") if statement is not None else None
    return sid.value if sid is not None and isinstance(sid.value, str) else ""


def _lint_json(findings: Findings) -> None:
    by_kind = {"trailing-comma": rules.TRAILING_COMMA, "duplicate-key": rules.DUPLICATE_KEY}
    text = findings.document.text
    if text[:1].isspace() and text.lstrip().startswith("{"):
        message = "white space before the '{'; S3 wants the '{' to be the very first byte"
        findings.add(rules.NOT_JSON, message, 0, fix="delete it", severity="warning")
    for problem in findings.document.problems:
        findings.add(by_kind.get(problem.kind, rules.NOT_JSON), problem.message, problem.offset)


def _lint_size(findings: Findings, root: Node) -> None:
    """S3 counts the document as it stores it, and it stores a list of one text as the text: no error for those."""
    size = minified_size(findings.document.text)
    if size <= SIZE_LIMIT:
        return
    message = f"{size:,} bytes without white space; the limit is {SIZE_LIMIT:,}"
    stored = minified_size(json.dumps(_with_texts_for_lists_of_one(python_value(root)), ensure_ascii=False))
    if stored > SIZE_LIMIT:
        findings.add(rules.TOO_LARGE, message, root)
        return
    message += f"; with a text for each list of one text, as S3 stores it, {stored:,}"
    findings.add(rules.TOO_LARGE, message, root, severity="warning")


def _with_texts_for_lists_of_one(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _with_texts_for_lists_of_one(each) for name, each in value.items()}
    if isinstance(value, list):
        only = value[0] if len(value) == 1 else None
        return only if isinstance(only, str) else [_with_texts_for_lists_of_one(each) for each in value]
    return value


def _lint_document(findings: Findings, root: Node, bucket: str | None) -> None:
    if root.kind != "object" or (mistaken := _mistaken_for_a_policy(root)):
        what = kind_in_words(root) if root.kind != "object" else mistaken
        findings.add(rules.NOT_A_POLICY, f"this is {what}", root)
        return
    _lint_size(findings, root)
    elements = _elements(findings, root, _DOCUMENT_ELEMENTS)
    version = _lint_version(findings, root, elements.get("Version"))
    if "Id" in elements and elements["Id"].kind != "string":
        findings.add(rules.WRONG_TYPE, f"Id is text, found {kind_in_words(elements['Id'])}", elements["Id"])
    if "Statement" not in elements:
        findings.add(rules.MISSING_ELEMENT, 'Statement is missing; S3 says "Missing required field Statement"', root)
        return
    _lint_statements(findings, elements["Statement"], bucket, variables=version == _VERSIONS[0])


def _mistaken_for_a_policy(root: Node) -> str:
    """What people paste where a bucket policy belongs; "" when it may be one."""
    keys = {member.key for member in root.members}
    if "CORSRules" in keys:
        return "a CORS configuration; `v7s3 cors check` reads it"
    if keys == {"Policy"} or ("Policy" in keys and "Statement" not in keys):
        return (
            "the answer of get-bucket-policy; the policy is the text in it:"
            " `aws s3api get-bucket-policy --bucket BUCKET --query Policy --output text`"
        )
    if "PolicyDocument" in keys or "Properties" in keys:
        return "a template; the policy is its PolicyDocument"
    if "Statement" not in keys and {"Effect", "Action"} <= keys:
        return 'a statement; a policy is {"Version": "2012-10-17", "Statement": [ … ]} around it'
    return ""


def _elements(findings: Findings, obj: Node, known: tuple[str, ...]) -> dict[str, Node]:
    """The known elements of an object by name; a misspelt one counts as what it was meant to be."""
    elements = {member.key: member.value for member in obj.members if member.key in known}
    for member in obj.members:
        if member.key in known:
            continue
        meant = findings.suggest(lambda name: _intended_element(name, known), member.key)
        findings.add(rules.UNKNOWN_ELEMENT, f"there is no element {quoted(member.key)}{did_you_mean(meant)}", member)
        if meant:
            elements.setdefault(meant, member.value)
    return elements


def _intended_element(name: str, known: tuple[str, ...]) -> str:
    lower = {element.lower(): element for element in known}
    near = get_close_matches(name[:40].lower().strip(), lower, n=1, cutoff=0.75)
    return lower[near[0]] if near else ""


def _lint_version(findings: Findings, root: Node, node: Node | None) -> str:
    """Check Version and return what it says; "" for anything that AWS does not know."""
    has_variables = re.search(r"\$\{[^}]*\}", findings.document.text) is not None
    if node is None:
        message = "there is no Version, so AWS assumes 2008-10-17, which knows no policy variables"
        findings.add(rules.VERSION, message, root, severity="warning" if has_variables else "info")
        return ""
    if node.kind != "string":
        findings.add(rules.WRONG_TYPE, f"Version is text, found {kind_in_words(node)}", node, fix=rules.VERSION.fix)
        return ""
    if node.value not in _VERSIONS:
        findings.add(rules.VERSION, f"{quoted(node.value)} is no version of the policy language", node)
        return ""
    if node.value == _VERSIONS[1] and has_variables:
        message = "2008-10-17 knows no policy variables, and this policy has some"
        findings.add(rules.VERSION, message, node, severity="warning")
    return str(node.value)


def _lint_statements(findings: Findings, node: Node, bucket: str | None, *, variables: bool) -> None:
    if node.kind not in ("array", "object"):
        findings.add(rules.WRONG_TYPE, f"Statement is a list of objects, found {kind_in_words(node)}", node)
        return
    if node.kind == "array" and not node.elements:
        findings.add(rules.MISSING_ELEMENT, 'S3 says "Could not parse the policy: Statement is empty!"', node)
    sids: dict[str, Node] = {}
    buckets = Buckets(bucket)
    for statement in node.elements if node.kind == "array" else (node,):
        if statement.kind != "object":
            findings.add(rules.WRONG_TYPE, f"a statement is an object, found {kind_in_words(statement)}", statement)
            continue
        elements = _elements(findings, statement, _STATEMENT_ELEMENTS)
        _lint_sid(findings, elements.get("Sid"), sids)
        _lint_statement(findings, statement, elements, buckets, variables=variables)


def _lint_sid(findings: Findings, node: Node | None, sids: dict[str, Node]) -> None:
    if node is None:
        return
    if not isinstance(node.value, str):
        findings.add(rules.WRONG_TYPE, f"Sid is text, found {kind_in_words(node)}", node)
    elif node.value and node.value in sids:
        line, _ = findings.document.position(sids[node.value].start)
        findings.add(rules.DUPLICATE_SID, f"{quoted(node.value)} is the Sid of a statement above, line {line}", node)
    else:
        sids[node.value] = node


def _lint_statement(
    findings: Findings, statement: Node, elements: dict[str, Node], buckets: Buckets, *, variables: bool
) -> None:
    effect = _lint_effect(findings, statement, elements.get("Effect"))
    for name, negation in _EXCLUSIVE:
        if name in elements and negation in elements:
            findings.add(rules.BOTH_FORMS, f"{name} and {negation} exclude each other", elements[negation])
    for name, negation in _EXCLUSIVE[1:]:
        if name not in elements and negation not in elements:
            message = f'{name} is missing; S3 says "Missing required field {name}"'
            findings.add(rules.MISSING_ELEMENT, message, statement)
    _lint_whom(findings, statement, elements, effect)
    actions = _lint_list(findings, elements, "Action", "NotAction")
    patterns = lint_actions(findings, actions)
    resources = _lint_list(findings, elements, "Resource", "NotResource")
    kinds = lint_resources(findings, resources, buckets, variables=variables)
    if "Action" in elements and "Resource" in elements:
        lint_fit(findings, patterns, ResourceKinds(kinds, [node for node in resources if node.kind == "string"]))
    if "Condition" in elements:
        stated = patterns if "Action" in elements else []
        lint_conditions(findings, elements["Condition"], stated, effect, variables=variables)


def _lint_effect(findings: Findings, statement: Node, node: Node | None) -> str:
    """Check Effect and return it, or "" when it is neither."""
    if node is None:
        findings.add(rules.MISSING_ELEMENT, 'Effect is missing; S3 says "Missing required field Effect"', statement)
        return ""
    if not isinstance(node.value, str):
        findings.add(rules.WRONG_TYPE, f'Effect is "Allow" or "Deny", found {kind_in_words(node)}', node)
        return ""
    if node.value in ("Allow", "Deny"):
        return node.value
    meant = next((effect for effect in ("Allow", "Deny") if effect.lower() == node.value.strip().lower()), "")
    message = f'{quoted(node.value)} is neither "Allow" nor "Deny"{did_you_mean(meant)}'
    findings.add(rules.EFFECT, message, node)
    return meant


def _lint_whom(findings: Findings, statement: Node, elements: dict[str, Node], effect: str) -> None:
    if "Principal" not in elements and "NotPrincipal" not in elements:
        findings.add(
            rules.NO_PRINCIPAL, 'this looks like a policy for an IAM role or user; "Principal" is missing', statement
        )
    if "NotPrincipal" in elements:
        node = elements["NotPrincipal"]
        if effect == "Allow":
            message = 'S3 refuses NotPrincipal with "Effect": "Allow"'
            findings.add(rules.NOT_PRINCIPAL, message, node, fix='"Principal": …', severity="error")
        else:
            findings.add(
                rules.NOT_PRINCIPAL, "a Deny for everybody but the listed; who is spared is easily misjudged", node
            )
        lint_principal(findings, node)
    if "Principal" in elements:
        lint_principal(findings, elements["Principal"])


def _lint_list(findings: Findings, elements: dict[str, Node], *names: str) -> list[Node]:
    """The texts of an element that is text or a list of texts; what is neither is a finding."""
    texts: list[Node] = []
    for name in names:
        node = elements.get(name)
        if node is None:
            continue
        if node.kind == "array" and not node.elements:
            findings.add(rules.MISSING_ELEMENT, f"{name} is an empty list", node)
        for element in node.elements if node.kind == "array" else (node,):
            if element.kind == "string":
                texts.append(element)
            else:
                findings.add(rules.WRONG_TYPE, _not_text(name, element), element)
    return texts


def _not_text(name: str, node: Node) -> str:
    function = next((member.key for member in node.members if member.key == "Ref" or member.key.startswith("Fn::")), "")
    if function:
        return f"{function} is a function of CloudFormation; this reads the finished JSON"
    return f"{name} is text or a list of texts, found {kind_in_words(node)}"
