"""The CORS rule V7 Darwin needs: how it is spelled in each tool, and where it goes in a configuration that exists.

The rule is V7's guide's: GET from https://darwin.v7labs.com with any header. In a bucket that has other rules ours
carries the ID `v7-darwin`; it is the only rule that is ever changed.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from v7s3.access import jsontext
from v7s3.access.cors import CORSConfiguration, CORSRequest, CORSRule, evaluate_cors
from v7s3.access.cors_origins import origin_problem
from v7s3.access.cors_source import CORSSource, read_source
from v7s3.access.cors_xml import read_xml, rule_xml, to_xml
from v7s3.access.profile import CORS_RULE_ID, V7_ORIGIN
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MAX_RULES = 100

Format = Literal["console", "api", "terraform", "cloudformation", "xml"]


def darwin_rule(
    origins: Sequence[str] = (V7_ORIGIN,), max_age: int | None = None, ident: str | None = None
) -> CORSRule:
    """The guide's rule. `max_age` is in seconds; None leaves it out, as the guide does."""
    return CORSRule(
        AllowedHeaders=("*",),
        AllowedMethods=("GET",),
        AllowedOrigins=tuple(origins),
        MaxAgeSeconds=max_age,
        ID=ident,
    )


# --- the origins it lets in -----------------------------------------------------------------------------------------


def own_origins(configuration: CORSConfiguration | None) -> tuple[str, ...]:
    """What our rule names already; nothing where there is none."""
    rules = configuration.CORSRules if configuration else ()
    return next((rule.AllowedOrigins for rule in rules if rule.ID == CORS_RULE_ID), ())


def origins_taken(configuration: CORSConfiguration | None, origins: Sequence[str]) -> tuple[str, ...]:
    """What our rule names and would no longer name, were it replaced by one for `origins`."""
    return tuple(origin for origin in own_origins(configuration) if origin not in origins)


def mending_command(command: str, configuration: CORSConfiguration | None, origins: Sequence[str]) -> str:
    """`command`, which replaces our rule, for `origins` and for those that the rule names already.

    Patterns are left out: --origin takes none.
    """
    kept = (origin for origin in own_origins(configuration) if not origin_problem(origin))
    named = tuple(dict.fromkeys((*kept, *origins)))
    if named == (V7_ORIGIN,):
        return command
    return command + "".join(f" --origin {shlex.quote(origin)}" for origin in named)


# --- placing --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Placement:
    """What to do with a configuration so that our rule has effect: put it at `index`, taking it from `old`."""

    kind: Literal["nothing", "insert", "replace", "move"]
    index: int  # where our rule stands, or will stand
    old: int | None = None  # where it stands now


def place(configuration: CORSConfiguration, ours: CORSRule) -> Placement:
    """Where `ours` goes so that S3, which takes the first rule that matches, takes it for GET from its origins.

    A rule that has our ID is replaced. Nothing is done when it is there and takes effect, or when another rule
    without our ID gives every origin the very same: then somebody followed the guide by hand.

    Raises UsageError when the rule would be one too many.
    """
    old = next((index for index, rule in enumerate(configuration.CORSRules) if rule.ID == ours.ID), None)
    rest = [rule for index, rule in enumerate(configuration.CORSRules) if index != old]
    taker = min((_taker(rest, origin) for origin in ours.AllowedOrigins), default=len(rest))
    if old is None:
        if all(_serves(configuration, ours, origin) for origin in ours.AllowedOrigins):
            return Placement("nothing", taker)
        if len(rest) >= MAX_RULES:
            raise UsageError(
                f"the configuration has {len(rest)} rules, and S3 stores no more than {MAX_RULES}",
                hint="join rules that share their methods and headers, then try again",
            )
        return Placement("insert", taker)
    if taker < old:
        return Placement("move", taker, old)
    return Placement("nothing" if configuration.CORSRules[old] == ours else "replace", old, old)


def _taker(rules: list[CORSRule], origin: str) -> int:
    """The first rule that takes GET from `origin`; behind the last when none does."""
    decision = evaluate_cors(CORSConfiguration(tuple(rules)), CORSRequest("actual", origin, "GET"))
    return decision.rule.index if decision.rule else len(rules)


def _serves(configuration: CORSConfiguration, ours: CORSRule, origin: str) -> bool:
    """Whether GET from `origin` is answered as our rule would: the origin echoed, any header, the same max age."""
    decision = evaluate_cors(configuration, CORSRequest("actual", origin, "GET"))
    if decision.rule is None:
        return False
    rule = configuration.CORSRules[decision.rule.index]
    wanted_age = ours.MaxAgeSeconds is None or rule.MaxAgeSeconds == ours.MaxAgeSeconds
    return "*" not in rule.AllowedOrigins and "*" in rule.AllowedHeaders and wanted_age


def merged(rules: Sequence[dict[str, Any]], ours: CORSRule) -> list[dict[str, Any]]:
    """The API's rules with ours at its place; the others are the very objects that came in."""
    placement = place(CORSConfiguration.parse(rules), ours)
    result = [rule for index, rule in enumerate(rules) if index != placement.old or placement.kind == "nothing"]
    if placement.kind != "nothing":
        result.insert(placement.index, ours.as_api())
    return result


def merge_text(text: str, ours: CORSRule, document: str = "", *, where: str = "--cors-file FILE") -> str:
    """The text with our rule in it, in the text's own spelling (console, API or XML), every other byte as it was.

    Raises UsageError when the text is no CORS configuration, or has faults that make its meaning a guess. `where` is
    how `v7s3 cors check` is told where the configuration is.
    """
    source = understood(text, document, where=where)
    assert source.configuration is not None
    ours = replace(ours, ID=CORS_RULE_ID)
    placement = place(source.configuration, ours)
    if placement.kind == "nothing":
        return text
    return _merge_xml(text, ours, placement) if source.form == "xml" else _merge_json(text, source, ours, placement)


def understood(
    text: str, document: str = "", *, where: str = "--cors-file FILE", purpose: str = "merged"
) -> CORSSource:
    """The text as read. Raises UsageError when it is no CORS configuration or has faults of form.

    `purpose` completes the message "it cannot be … as it is".
    """
    source = read_source(text, document)
    fault = next((finding for finding in source.findings if finding.severity == "error"), None)
    if source.configuration is None or fault is not None:
        line = f" (line {fault.location.line})" if fault and fault.location.line else ""
        raise UsageError(
            f"{document or 'the CORS configuration'} cannot be {purpose} as it is: "
            f"{fault.message if fault else 'it holds no rules'}{line}",
            hint=f"`v7s3 cors check {where}` shows everything that is wrong",
        )
    return source


def _merge_json(text: str, source: CORSSource, ours: CORSRule, placement: Placement) -> str:
    document = jsontext.read(text)
    rules = document.root
    assert rules is not None
    for key in source.prefix.split("/")[1:]:
        rules = rules.get(key)
        assert rules is not None
    value = rule_value(ours)
    if placement.kind == "replace":
        edits = [jsontext.replace(document, rules.elements[placement.index], value)]
    else:
        edits = [jsontext.insert_element(document, rules, value, placement.index)]
        if placement.old is not None:  # never the first: a rule moves only to the front of an earlier one
            before, moved = rules.elements[placement.old - 1], rules.elements[placement.old]
            edits.append(jsontext.Edit(before.end, moved.end, ""))
    return jsontext.apply_edits(text, edits)


def _merge_xml(text: str, ours: CORSRule, placement: Placement) -> str:
    data = text.encode("utf-8")
    root = read_xml(text)
    spans = [(child.start, child.end) for child in root.children if child.name == "CORSRule"]
    newline = "\r\n" if b"\r\n" in data else "\n"
    first = spans[0][0] if spans else root.start
    line = data[data.rfind(b"\n", 0, first) + 1 : first].decode()
    indent = line if not line.strip() else ""

    def written(extra: str = "") -> bytes:
        return rule_xml(ours, indent + extra, root.prefix).lstrip().replace("\n", newline).encode()

    if not spans:
        inner = f"{newline}{indent}  ".encode() + written("  ") + f"{newline}{indent}".encode()
        element = data[root.start : root.end]
        if element.endswith(b"/>"):
            opening, closing = element[:-2].rstrip() + b">", f"</{root.prefix}CORSConfiguration>".encode()
        else:
            at = element.rindex(b"</")
            opening, closing = element[:at].rstrip(), element[at:]
        return (data[: root.start] + opening + inner + closing + data[root.end :]).decode()
    if placement.kind == "replace":
        start, end = spans[placement.index]
        return (data[:start] + written() + data[end:]).decode()
    if placement.old is not None:
        start, end = spans[placement.old]
        data = data[:start].rstrip() + data[end:]
    gap = f"{newline}{indent}".encode()
    if placement.index == len(spans):
        at = spans[-1][1]
        return (data[:at] + gap + written() + data[at:]).decode()
    at = spans[placement.index][0]
    return (data[:at] + written() + gap + data[at:]).decode()


# --- spelling -------------------------------------------------------------------------------------------------------


def rule_value(rule: CORSRule) -> dict[str, Any]:
    """A rule as the guide spells it: every list there, even when it is empty."""
    value: dict[str, Any] = {"ID": rule.ID} if rule.ID is not None else {}
    value |= {
        "AllowedHeaders": list(rule.AllowedHeaders),
        "AllowedMethods": list(rule.AllowedMethods),
        "AllowedOrigins": list(rule.AllowedOrigins),
        "ExposeHeaders": list(rule.ExposeHeaders),
    }
    if rule.MaxAgeSeconds is not None:
        value["MaxAgeSeconds"] = rule.MaxAgeSeconds
    return value


def spell(configuration: CORSConfiguration, form: Format, bucket: str = "BUCKET") -> str:
    """The configuration in one tool's words; `bucket` is named where the tool needs it."""
    return _SPELLINGS[form](configuration, bucket)


def _console(configuration: CORSConfiguration, _bucket: str) -> str:
    return json.dumps([rule_value(rule) for rule in configuration.CORSRules], indent=4, ensure_ascii=False)


def _api(configuration: CORSConfiguration, _bucket: str) -> str:
    rules = [rule_value(rule) for rule in configuration.CORSRules]
    return json.dumps({"CORSRules": rules}, indent=4, ensure_ascii=False)


def _xml(configuration: CORSConfiguration, _bucket: str) -> str:
    return to_xml(configuration).rstrip("\n")


_TERRAFORM = {
    "ID": "id",
    "AllowedHeaders": "allowed_headers",
    "AllowedMethods": "allowed_methods",
    "AllowedOrigins": "allowed_origins",
    "ExposeHeaders": "expose_headers",
    "MaxAgeSeconds": "max_age_seconds",
}


def _terraform(configuration: CORSConfiguration, bucket: str) -> str:
    lines = [
        "# This resource owns the bucket's whole CORS configuration: a rule that is not in it is deleted.",
        'resource "aws_s3_bucket_cors_configuration" "v7_darwin" {',
        f"  bucket = {_hcl(bucket)}",
    ]
    for rule in configuration.CORSRules:
        value = {_TERRAFORM[key]: item for key, item in rule_value(rule).items()}
        width = max(map(len, value))
        lines += ["", "  cors_rule {"]
        lines += [f"    {key:<{width}} = {_hcl(item)}" for key, item in value.items()]
        lines.append("  }")
    return "\n".join([*lines, "}"])


def _hcl(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")


_CLOUDFORMATION = {"ID": "Id", "ExposeHeaders": "ExposedHeaders", "MaxAgeSeconds": "MaxAge"}


def _cloudformation(configuration: CORSConfiguration, bucket: str) -> str:
    lines = [
        "# Among the Resources of the template that made the bucket.",
        "Bucket:",
        "  Type: AWS::S3::Bucket",
        "  Properties:",
        f"    BucketName: {json.dumps(bucket)}",
        "    CorsConfiguration:",
        "      CorsRules:",
    ]
    for rule in configuration.CORSRules:
        items = [
            f"{_CLOUDFORMATION.get(key, key)}: {json.dumps(item, ensure_ascii=False)}"
            for key, item in rule_value(rule).items()
        ]
        lines += [f"        {'- ' if index == 0 else '  '}{item}" for index, item in enumerate(items)]
    return "\n".join(lines)


_SPELLINGS: dict[Format, Callable[[CORSConfiguration, str], str]] = {
    "console": _console,
    "api": _api,
    "terraform": _terraform,
    "cloudformation": _cloudformation,
    "xml": _xml,
}
