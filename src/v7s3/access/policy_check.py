"""May V7 do what it needs to do? One check a question, each with the statements that decide it.

    policy          would S3 store the document, and does it say what was meant (`policy_lint`)
    policy-read     s3:GetObject on what is registered, and on what V7 wrote
    policy-write    s3:PutObject, for read-write access
    policy-list     s3:ListBucket, for MIRAX slides
    policy-public   Block Public Access shuts other accounts out of buckets with a public policy
    policy-scope    is V7 allowed more than it needs

"Allowed" is the bucket's side only: V7's own rights, KMS keys, ownership of objects and organisation policies are not
in a bucket policy.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from v7s3.access import policy_rules as rules
from v7s3.access.actions import ACTIONS, matching_actions
from v7s3.access.condition_words import expectation
from v7s3.access.decision import AccessRequest
from v7s3.access.evaluate import evaluate
from v7s3.access.globs import matches
from v7s3.access.jsontext import Document, python_value, read
from v7s3.access.logic import Truth
from v7s3.access.policy import Entry, PolicyDocument, Principal
from v7s3.access.policy_lint import lint_policy
from v7s3.access.profile import V7_ACCOUNT, V7_ROLE
from v7s3.access.public import public_statements
from v7s3.errors import UsageError
from v7s3.report import Check, Finding, Location, Rule, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from v7s3.access.decision import Decision, ElementResult, StatementResult
    from v7s3.access.policy import Statement
    from v7s3.access.profile import AccessProfile, Need
    from v7s3.report import Severity

_UNLESS = "ArnNotEquals"
_WHICH_PREFIX = "PREFIX is where V7 writes, its storage's prefix: `v7s3 activation status` shows it, often darwin/"
_READS = re.compile(r"(?:Get|List|Head|Describe)")


@dataclass(frozen=True, slots=True)
class PolicyQuestion:
    """One policy, and what is asked of it.

    `text` is None for a bucket without a policy. `restricts_public` is whether Block Public Access restricts public
    buckets, None when that is not known. `context` are condition keys as in `AccessRequest`. `document` is the file's
    name, "" for the policy that the bucket has.
    """

    text: str | bytes | None
    bucket: str
    profile: AccessProfile
    context: Mapping[str, object] = field(default_factory=dict)
    restricts_public: bool | None = None
    document: str = ""

    @property
    def apply_command(self) -> str:
        """The command that would write what V7 needs: into the bucket, or for a file into what it prints.

        Where nobody said where V7 writes, it has a PREFIX to fill in, and a line that says so: with the prefix that V7
        reads in its place V7 might lose the one that it writes to now.
        """
        profile = self.profile
        url = shlex.quote(f"s3://{self.bucket}/{profile.prefix}".rstrip("/"))
        parts = [f"v7s3 policy apply {url}"]
        if self.document:
            parts = [f"v7s3 policy write {url} --merge {as_argument(self.document)}"]
        if profile.access == "read-only":
            parts.append("--access read-only")
        elif profile.guesses_write_prefix:
            parts.append("--write-prefix PREFIX")
        elif profile.write_prefix != profile.prefix:
            parts.append(f"--write-prefix {shlex.quote(profile.write_prefix or '/')}")
        if profile.list_bucket:
            parts.append("--list")
        return " ".join(parts) + (f"\n{_WHICH_PREFIX}" if profile.guesses_write_prefix else "")


def as_argument(document: str) -> str:
    """What a command is given to read a document that is called this."""
    return "-" if document == "standard input" else shlex.quote(document)


def check_policy(question: PolicyQuestion) -> tuple[Check, ...]:
    """All checks of one policy. Never raises for what the policy is."""
    checks = tuple(_checks(question))
    return checks if question.document else tuple(_without_lines(check) for check in checks)


def _without_lines(check: Check) -> Check:
    findings = (replace(each, location=replace(each.location, line=None, column=None)) for each in check.findings)
    return replace(check, findings=tuple(findings))


def _checks(question: PolicyQuestion) -> Iterator[Check]:
    if question.text is None:
        finding = rules.NO_POLICY.finding(
            f"nothing lets {V7_ROLE} in", at=Location(question.document), fix=question.apply_command
        )
        yield Check("policy", "fail", f"{question.bucket} has no bucket policy", (finding,))
        return
    linted = _linted(question, question.text)
    tree = read(question.text)
    policy = _parsed(tree)
    summary = "S3 would store this document" if not linted else f"{len(linted)} {_plural(len(linted), 'finding')}"
    document_check = Check("policy", status_of(linted), summary, linted)
    yield document_check
    if policy is None:
        reason = "not asked: the document has to be mended first"
        yield from (Check(ident, "skip", reason) for ident in _idents(question.profile))
        return
    checking = _Checking(question, tree, policy, stored=document_check.status != "fail")
    yield from checking.requests()
    yield checking.public()
    yield checking.scope()


def _linted(question: PolicyQuestion, text: str | bytes) -> tuple[Finding, ...]:
    """The linter's findings. A principal deleted since S3 took the policy hurts only when that is stored again."""
    findings = lint_policy(text, question.bucket, document=question.document)
    if question.document:
        return tuple(findings)
    return tuple(
        replace(each, severity="warning") if each.rule is rules.DELETED_PRINCIPAL else each for each in findings
    )


def _parsed(tree: Document) -> PolicyDocument | None:
    """The policy, also when its text has faults that leave the meaning plain; None when it has no meaning."""
    value: Any = python_value(tree.root) if tree.root is not None else None
    if not isinstance(value, Mapping):
        return None
    try:
        return PolicyDocument.parse(value)
    except UsageError:
        return None


def _idents(profile: AccessProfile) -> list[str]:
    listed = ["policy-list"] if profile.list_bucket else []
    written = ["policy-write"] if profile.access == "read-write" else []
    return ["policy-read", *written, *listed, "policy-public", "policy-scope"]


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"


@dataclass(frozen=True)
class _Checking:
    question: PolicyQuestion
    tree: Document
    policy: PolicyDocument
    stored: bool  # whether S3 would store the document at all

    # --- V7's requests ----------------------------------------------------------------------------------------------

    def requests(self) -> Iterator[Check]:
        """A check for each action V7 needs; the read-back of what it wrote belongs to reading."""
        by_ident: dict[str, list[Need]] = {}
        idents = {"s3:GetObject": "policy-read", "s3:PutObject": "policy-write", "s3:ListBucket": "policy-list"}
        for need in self.question.profile.needs(self.question.bucket):
            by_ident.setdefault(idents[need.action], []).append(need)
        for ident, needs in by_ident.items():
            yield self._request(ident, needs)

    def _request(self, ident: str, needs: list[Need]) -> Check:
        decisions = [(need, self._ask(need)) for need in needs]
        findings = tuple(finding for need, decision in decisions for finding in self._findings(need, decision))
        summary = "; ".join(f"{need.action} on {_short(need.resource)} {said.summary}" for need, said in decisions)
        notes = self._assumptions()
        if findings:
            return Check(ident, status_of(findings), summary, findings, notes)
        if public_statements(self.policy):
            if self.question.restricts_public:
                reason = f"{needs[0].action}: Block Public Access shuts V7 out, see policy-public"
                return Check(ident, "fail", reason, notes=notes)
            if self.question.restricts_public is None:
                summary = f"{summary}, unless Block Public Access is on, see policy-public"
                return Check(ident, "warn", summary, notes=notes)
        if not self.stored:
            return Check(ident, "warn", f"{summary}, once S3 stores the document", notes=notes)
        return Check(ident, "ok", summary, notes=notes)

    def _assumptions(self) -> tuple[str, ...]:
        given = self.question.context.items()
        return tuple(
            f"assumed: {key} is {'absent' if value is None else value if isinstance(value, str) else list_of(value)}"
            for key, value in given
        )

    def _ask(self, need: Need) -> Decision:
        return evaluate(self.policy, AccessRequest(V7_ROLE, need.action, need.resource, self.question.context))

    def _findings(self, need: Need, decision: Decision) -> Iterator[Finding]:
        if decision.effect == "depends":
            # An Allow for somebody who is hardly V7, such as a CloudFront identity, is worth no word beside others.
            likely = [result for result in decision.because if result.effect == "Deny" or _is_for_v7(result)]
            for result in likely or decision.because:
                yield self._open(need, result)
        elif decision.effect == "denied":
            denying = [result for result in decision.because if result.effect == "Deny"]
            for result in denying:
                yield self._denied(need, result)
            if not denying:
                yield self._not_allowed(need, decision)

    def _not_allowed(self, need: Need, decision: Decision) -> Finding:
        """Nothing allows it: say which statement comes nearest, and what it lacks."""
        ours = [result for result in decision.because if _principal_is_met(result)]
        rule = self._rule_of_missing(need)
        if not ours:
            message = f"{need.action}: no statement names V7's role, {V7_ROLE}"
            return rule.finding(message, at=self._at(), fix=self.question.apply_command)
        nearest = min(ours, key=lambda result: len(result.elements_that_are(Truth.FALSE)))
        failed = nearest.elements_that_are(Truth.FALSE)
        reasons = "; ".join(f"{element.name}: {element.reason}" for element in failed)
        asked = f"{need.action} on {_short(need.resource)}"
        message = f"{asked}: {nearest.label} is for V7's role, but does not apply ({reasons})"
        place = self._at(nearest, failed[0] if failed else None)
        return rule.finding(message, at=place, fix=self._way_in(nearest))

    def _rule_of_missing(self, need: Need) -> Rule:
        if need.action == "s3:ListBucket":
            return rules.NO_LIST
        if need.action == "s3:PutObject":
            reads = [
                each for each in self.question.profile.needs(self.question.bucket) if each.action == "s3:GetObject"
            ]
            if all(self._ask(each).effect == "allowed" for each in reads):
                return rules.NO_WRITE
        return rules.NOT_ALLOWED

    def _denied(self, need: Need, result: StatementResult) -> Finding:
        statement = self.policy.statements[result.index]
        headers = [condition.key for condition in statement.conditions if _is_upload_header(condition.key)]
        if headers and need.action != "s3:PutObject":
            message = f"{need.action}: {result.label} asks for {headers[0]}, which only uploads carry"
            place = self._at_statement(statement, "Condition", tuple(headers))
            return rules.HEADERS_BLOCK_READS.finding(message, at=place)
        why = "; ".join(str(condition) for condition in statement.conditions)
        message = f"{need.action} on {_short(need.resource)}: {result.label} denies it" + (f" ({why})" if why else "")
        return rules.EXPLICIT_DENY.finding(message, at=self._at(result), fix=exception_for_v7(statement))

    def _open(self, need: Need, result: StatementResult) -> Finding:
        elements = result.elements_that_are(Truth.UNKNOWN)
        keys = [key for element in elements for key in element.keys]
        verb = "denies" if result.effect == "Deny" else "allows"
        if not keys:
            message = f"{need.action} on {_short(need.resource)}: {result.label} {verb} some of these keys only"
            place = self._at(result, elements[0] if elements else None)
            return rules.PARTLY_COVERED.finding(message, at=place, fix=self._way_in(result))
        upload = need.action == "s3:PutObject" and any(_is_upload_header(key) for key in keys)
        rule = rules.UPLOAD_HEADERS if upload else rules.DEPENDS
        whom = [element for element in elements if element.name.endswith("Principal")]
        others = [element for element in elements if element not in whom]
        conditions = "; ".join(dict.fromkeys([*map(_doubt, whom), *(element.text for element in others)]))
        expected = expectation(key for element in others for key in element.keys)
        message = f"{need.action}: {result.label} {verb} it depending on {conditions}. {expected}".rstrip()
        return rule.finding(message, at=self._at(result, elements[0]), fix=self._way_in(result))

    def _way_in(self, result: StatementResult) -> str:
        """How to mend a statement that applies in some cases only, or that would let V7 in but for its Condition.

        `policy apply` keeps the Condition of a statement that is ours already, so it is no way out of that.
        """
        statement = self.policy.statements[result.index]
        if result.effect == "Deny":
            return exception_for_v7(statement)
        unmet = {element.name for element in result.elements if element.truth is not Truth.TRUE}
        if unmet != {"Condition"} or statement.sid not in self._our_sids():
            return self.question.apply_command
        condition = json.dumps(statement.dump()["Condition"], ensure_ascii=False)
        if statement.principal == Principal((Entry("AWS", V7_ROLE),)):
            return f'take out of {statement.label}, which is for V7\'s role alone:\n"Condition": {condition}'
        return (
            "give V7's role a statement of its own, as `v7s3 policy write` prints it, with another Sid than"
            f' {statement.sid}, whose condition is for others, too:\n"Condition": {condition}'
        )

    def _our_sids(self) -> set[str]:
        return {each["Sid"] for each in self.question.profile.statements(self.question.bucket)}

    # --- the rest of the policy -------------------------------------------------------------------------------------

    def public(self) -> Check:
        statements = public_statements(self.policy)
        if not statements:
            return Check("policy-public", "ok", "no statement is public")
        known = self.question.restricts_public
        rule = rules.CONFIRMED_PUBLIC if known else rules.PUBLIC
        severity: Severity | None = "info" if known is False else None
        findings = tuple(
            rule.finding(f"{statement.label} is public", at=self._at_statement(statement), severity=severity)
            for statement in statements
        )
        state = {True: "restricts", False: "does not restrict", None: "may restrict"}[known]
        summary = f"the policy is public; Block Public Access {state} public buckets"
        return Check("policy-public", status_of(findings), summary, findings)

    def scope(self) -> Check:
        findings = tuple(
            finding
            for statement in self.policy.statements
            if _lets_v7_in(statement)
            for finding in self._excess(statement)
        )
        summary = "V7 is allowed no more than it needs" if not findings else "V7 is allowed more than it needs"
        return Check("policy-scope", status_of(findings), summary, findings)

    def _excess(self, statement: Statement) -> Iterator[Finding]:
        values = [entry.value for entry in statement.principal.entries] if statement.principal else []
        if "*" in values:
            if not statement.conditions:
                message = f"{statement.label} is for everybody"
                yield rules.BROADER_PRINCIPAL.finding(message, at=self._at_statement(statement, "Principal"))
            if not statement.conditions or not self._applies(statement):
                return
        elif V7_ROLE not in values:
            message = f"{statement.label} is for V7's whole account"
            place = self._at_statement(statement, "Principal")
            yield rules.BROADER_PRINCIPAL.finding(message, at=place, severity="info")
        yield from self._excess_actions(statement)
        yield from self._excess_resources(statement)

    def _applies(self, statement: Statement) -> bool:
        """Whether it lets V7 do some of what V7 needs: conditions on an office or a VPC are not for V7."""
        needs = self.question.profile.needs(self.question.bucket)
        return any(self._ask(need).trace[statement.index].truth is Truth.TRUE for need in needs)

    def _excess_actions(self, statement: Statement) -> Iterator[Finding]:
        needs = self.question.profile.needs(self.question.bucket)
        needed = {need.action.removeprefix("s3:") for need in needs}
        on_bucket = any("/" not in resource for resource in statement.resources or ())
        kinds = {"object", "bucket"} if on_bucket else {"object"}
        allowed = {action for text in statement.actions or () for action in _s3_actions(text)}
        excess = sorted(action for action in allowed - needed if ACTIONS[action] in kinds)
        if statement.not_actions is not None:
            message = f"{statement.label} allows every action but some"
            yield rules.BROADER_ACTION.finding(message, at=self._at_statement(statement, "NotAction"))
        elif excess:
            more = f" and {len(excess) - 3} more" if len(excess) > 3 else ""
            message = f"{statement.label} also allows {', '.join(f's3:{action}' for action in excess[:3])}{more}"
            harmless = all(_READS.match(action) for action in excess)
            wanted = [f"s3:{action}" for action in sorted(needed & allowed)]
            yield rules.BROADER_ACTION.finding(
                message,
                at=self._at_statement(statement, "Action"),
                fix=f'"Action": {json.dumps(wanted)}' if wanted else "delete the statement",
                severity="info" if harmless else None,
            )

    def _excess_resources(self, statement: Statement) -> Iterator[Finding]:
        profile = self.question.profile
        if not profile.prefix or (profile.access == "read-write" and not profile.write_prefix):
            return
        elsewhere = f"arn:aws:s3:::{self.question.bucket}/\x00"  # a key that is below no prefix
        if statement.resources is None or any(matches(resource, elsewhere) for resource in statement.resources):
            used = " and ".join(profile.reads) + (" and where V7 writes" if profile.guesses_write_prefix else "")
            message = f"{statement.label} covers the whole bucket, not only {used}"
            place = self._at_statement(statement, "Resource")
            yield rules.BROADER_RESOURCE.finding(message, at=place, fix=self.question.apply_command)

    # --- places -----------------------------------------------------------------------------------------------------

    def _at(self, result: StatementResult | None = None, element: ElementResult | None = None) -> Location:
        if result is None:
            offset = self.tree.root.start if self.tree.root else 0
            line, column = self.tree.position(offset)
            return Location(self.question.document, "", "", line, column)
        statement = self.policy.statements[result.index]
        return self._at_statement(statement, element.name if element else "", element.keys if element else ())

    def _at_statement(self, statement: Statement, element: str = "", keys: tuple[str, ...] = ()) -> Location:
        """The place of a statement, of one of its elements, or of the condition on one of `keys`."""
        root = self.tree.root
        node = root.get("Statement") if root else None
        if node is not None and node.kind == "array":
            node = node.elements[statement.index]
        assert node is not None
        offset = node.start
        found = next((member for member in node.members if member.key == element), None)
        if found is not None:
            entries = [entry for block in found.value.members for entry in block.value.members]
            wanted = {key.lower() for key in keys}
            offset = next((entry.start for entry in entries if entry.key.lower() in wanted), found.start)
        line, column = self.tree.position(offset)
        return Location(self.question.document, self.tree.pointer(offset), statement.sid or "", line, column)


def _short(resource: str) -> str:
    """`acme-scans/scans/*`: an ARN of the bucket for people to read."""
    return resource.removeprefix("arn:aws:s3:::")


def _principal_is_met(result: StatementResult) -> bool:
    return all(element.truth is not Truth.FALSE for element in result.elements if element.name.endswith("Principal"))


def _is_for_v7(result: StatementResult) -> bool:
    return all(element.truth is Truth.TRUE for element in result.elements if element.name.endswith("Principal"))


def _doubt(whom: ElementResult) -> str:
    """What it hangs on whether a Principal element means V7's role, in words."""
    reasons = {
        "canonical user id": "whether a canonical user id is that of V7's account, which V7 does not publish",
        "identity provider": "whether V7's session begins with an identity provider, which V7 does not say",
    }
    said = next((reasons[key] for key in whom.keys if key in reasons), "")
    return f"{said} ({whom.text})" if said else f"{whom.text} ({whom.reason})"


def _lets_v7_in(statement: Statement) -> bool:
    if statement.effect != "Allow" or statement.principal is None:
        return False
    ours = ("*", V7_ACCOUNT, f"arn:aws:iam::{V7_ACCOUNT}:root", V7_ROLE)
    return any(entry.kind == "AWS" and entry.value in ours for entry in statement.principal.entries)


def _is_upload_header(key: str) -> bool:
    return key.lower().startswith(("s3:x-amz-", "s3:object-lock-", "s3:requestobjecttag", "s3:if-")) and (
        key.lower() != "s3:x-amz-content-sha256"
    )


def _s3_actions(text: str) -> tuple[str, ...]:
    service, _, name = text.partition(":")
    return matching_actions("*" if text == "*" else name if service.lower() == "s3" else "")


def exception_for_v7(statement: Statement) -> str:
    """The Condition to paste into a Deny statement, so that it hits everybody it hit before, except V7's role."""
    condition = statement.dump().get("Condition", {})
    spared = condition.get(_UNLESS, {})
    key = next((name for name in spared if name.lower() == "aws:principalarn"), "aws:PrincipalArn")
    others = spared.get(key, [])
    names = [*([others] if isinstance(others, str) else others), V7_ROLE]
    condition = {**condition, _UNLESS: {**spared, key: names[0] if len(names) == 1 else names}}
    return f'put into {statement.label}:\n"Condition": {json.dumps(condition, ensure_ascii=False)}'


def list_of(value: object) -> str:
    """Several values of a condition key, in words."""
    return " and ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
