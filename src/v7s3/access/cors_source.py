"""The text of a CORS configuration, in any spelling people have it in, with the place of everything in it.

Reading never fails: what is not understood is a finding, and what can be understood of the rest is still there, so
that one run shows all that is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Literal

from v7s3.access import cors_rules as rules
from v7s3.access import jsontext
from v7s3.access.cors import CORSConfiguration, CORSRule
from v7s3.access.cors_xml import LISTS, MalformedXMLError, read_xml, whole_number
from v7s3.report import Location

if TYPE_CHECKING:
    from collections.abc import Iterator

    from v7s3.access.cors_xml import Element
    from v7s3.report import Finding, Rule

Form = Literal["console", "api", "xml", "unknown"]

FORM_NAMES: dict[Form, str] = {
    "console": "the console's list",
    "api": 'the API\'s {"CORSRules": […]}',
    "xml": "S3's XML",
    "unknown": "not a CORS configuration",
}

LIST_KEYS = ("AllowedHeaders", "AllowedMethods", "AllowedOrigins", "ExposeHeaders")
RULE_KEYS = ("ID", *LIST_KEYS, "MaxAgeSeconds")

# What neighbouring tools call the same thing: S3's XML, CloudFormation, Terraform.
_ALIASES = {
    "exposedheaders": "ExposeHeaders",
    "exposedheader": "ExposeHeaders",
    "maxage": "MaxAgeSeconds",
    "id": "ID",
    "origins": "AllowedOrigins",
    "methods": "AllowedMethods",
    "headers": "AllowedHeaders",
}

_NAME = 60  # characters of a rule's ID in a location


@dataclass(frozen=True, slots=True, eq=False)
class CORSSource:
    """One text: its spelling, its rules as far as they can be read, and what is wrong with its form."""

    document: str  # the file's name, for locations
    form: Form
    configuration: CORSConfiguration | None  # None when no list of rules was found
    findings: tuple[Finding, ...]
    prefix: str = ""  # pointer of the list of rules
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)  # pointer -> line and column

    def at(self, index: int, *steps: str | int) -> Location:
        """The place of a rule, or of something in it; the nearest known place when that is absent."""
        name = self.configuration.CORSRules[index].ID if self.configuration else None
        return _location(self, "/".join(map(str, (self.prefix, index, *steps))), (name or "")[:_NAME])


def read_source(text: str | bytes, document: str = "") -> CORSSource:
    """Read a CORS configuration. Never raises."""
    plain = text if isinstance(text, str) else text.decode("utf-8", "replace")
    if plain.removeprefix("\ufeff").lstrip().startswith("<"):
        return _read_xml(plain.removeprefix("\ufeff"), document)
    return _read_json(text, document)


def _location(source: CORSSource, pointer: str, name: str = "") -> Location:
    known = pointer
    while known and known not in source.positions:
        known = known.rpartition("/")[0]
    line, column = source.positions.get(known, (None, None))
    return Location(source.document, pointer, name, line, column)


# --- JSON -----------------------------------------------------------------------------------------------------------


def _read_json(text: str | bytes, document: str) -> CORSSource:
    read = jsontext.read(text)
    findings = []
    for problem in read.problems:
        place = Location(document, read.pointer(problem.offset), "", problem.line, problem.column)
        rule = rules.DUPLICATE_KEY if problem.kind == "duplicate-key" else rules.NOT_JSON
        findings.append(rule.finding(problem.message, at=place))
    if read.root is None:
        return CORSSource(document, "unknown", None, tuple(findings))
    positions = {pointer: read.position(node.start) for pointer, node in _walk(read.root, "")}
    return _shape(jsontext.python_value(read.root), document, findings, positions)


def _walk(node: jsontext.Node, pointer: str) -> Iterator[tuple[str, jsontext.Node]]:
    yield pointer, node
    for member in node.members:
        yield from _walk(member.value, f"{pointer}/{member.key}")
    for index, element in enumerate(node.elements):
        yield from _walk(element, f"{pointer}/{index}")


def _shape(value: Any, document: str, findings: list[Finding], positions: dict[str, tuple[int, int]]) -> CORSSource:
    """Find the list of rules, and say what is unusual about where it is."""
    prefix, form = "", "api"
    top = CORSSource(document, "unknown", None, (), "", positions)
    if isinstance(value, dict) and isinstance(value.get("CORSConfiguration"), dict):
        prefix, value = "/CORSConfiguration", value["CORSConfiguration"]  # the arguments of put_bucket_cors
    if isinstance(value, dict):
        key = _list_key(value)
        if key is None:
            findings.append(_no_list(value, _location(top, prefix)))
            if not set(value) & set(RULE_KEYS):
                return CORSSource(document, "unknown", None, tuple(findings), prefix, positions)
            value, positions = [value], {_below_0(pointer): at for pointer, at in positions.items()}
        else:
            findings += _beside_list(value, key, top, prefix)
            prefix, value = f"{prefix}/{key}", value[key]
    else:
        form = "console"
    if not isinstance(value, list):
        what = f"{prefix.removeprefix('/') or 'the document'} is {_type_name(value)}, not a list of rules"
        findings.append(rules.NOT_CORS.finding(what, at=_location(top, prefix)))
        return CORSSource(document, "unknown", None, tuple(findings), prefix, positions)
    source = CORSSource(document, "api" if form == "api" else "console", None, (), prefix, positions)
    read = tuple(_rule(rule, f"{prefix}/{index}", source, findings) for index, rule in enumerate(value))
    return CORSSource(document, source.form, CORSConfiguration(read), tuple(findings), prefix, positions)


def _below_0(pointer: str) -> str:
    return f"/0{pointer}"


def _list_key(value: dict[str, Any]) -> str | None:
    if "CORSRules" in value:
        return "CORSRules"
    return next((key for key in value if key.lower() in ("corsrules", "corsrule")), None)


def _no_list(value: dict[str, Any], place: Location) -> Finding:
    if set(value) & set(RULE_KEYS):
        return rules.NOT_CORS.finding("this is one rule without a list around it", at=place, fix="put it in [ ]")
    if "Statement" in value:
        return rules.NOT_CORS.finding(
            "this is a bucket policy, not a CORS configuration", at=place, fix="v7s3 policy check --policy-file FILE"
        )
    if nested := next((key for key in value if key.lower() == "corsconfiguration"), None):
        return rules.NOT_CORS.finding(
            f"this is CloudFormation's or another tool's form ({nested}), which S3 does not take", at=place
        )
    return rules.NOT_CORS.finding("there is no list of rules in this document", at=place)


def _beside_list(value: dict[str, Any], key: str, top: CORSSource, prefix: str) -> Iterator[Finding]:
    if key != "CORSRules":
        yield rules.UNKNOWN_KEY.finding(
            f"{key} is not the API's name of the list", at=_location(top, f"{prefix}/{key}"), fix="call it CORSRules"
        )
    for other in value:
        if other != key:
            place = _location(top, f"{prefix}/{other}")
            yield rules.UNKNOWN_KEY.finding(f"put-bucket-cors does not know {other}", at=place, fix="delete it")


def _rule(value: Any, pointer: str, source: CORSSource, findings: list[Finding]) -> CORSRule:
    """The rule as far as it can be read; what cannot is reported and left out."""
    if not isinstance(value, dict):
        place = _location(source, pointer)
        findings.append(rules.WRONG_TYPE.finding(f"a rule is an object, this is {_type_name(value)}", at=place))
        return CORSRule()
    ident = value.get("ID")
    name = ident if isinstance(ident, str) else ""

    def report(rule: Rule, message: str, *steps: str | int, fix: str = "") -> None:
        place = _location(source, "/".join(map(str, (pointer, *steps))), name[:_NAME])
        findings.append(rule.finding(message, at=place, fix=fix))

    for key in value:
        if key not in RULE_KEYS:
            meant = _meant(key)
            hint = f"call it {meant}" if meant else "delete it"
            report(rules.UNKNOWN_KEY, f"S3's rules have no {key}", key, fix=hint)
    lists: dict[str, tuple[str, ...]] = {}
    for key in LIST_KEYS:
        if key not in value:
            continue
        if not isinstance(value[key], list):
            fix = f'"{key}": ["{value[key]}"]' if isinstance(value[key], str) else ""
            report(rules.WRONG_TYPE, f"{key} is a list of texts, this is {_type_name(value[key])}", key, fix=fix)
            lists[key] = (value[key],) if isinstance(value[key], str) else ()
            continue
        for index, element in enumerate(value[key]):
            if not isinstance(element, str):
                report(rules.WRONG_TYPE, f"{key} holds texts, this is {_type_name(element)}", key, index)
        lists[key] = tuple(element for element in value[key] if isinstance(element, str))
    if "ID" in value and not isinstance(ident, str):
        report(rules.WRONG_TYPE, f"ID is a text, this is {_type_name(ident)}", "ID")
    seconds = value.get("MaxAgeSeconds")
    if "MaxAgeSeconds" in value and (isinstance(seconds, bool) or not isinstance(seconds, int)):
        report(rules.WRONG_TYPE, f"MaxAgeSeconds is a whole number, this is {_type_name(seconds)}", "MaxAgeSeconds")
        seconds = None
    return CORSRule(**lists, MaxAgeSeconds=seconds, ID=name or None)


def _meant(key: str) -> str | None:
    lower = key.replace("_", "").replace("-", "").lower()
    if lower in _ALIASES:
        return _ALIASES[lower]
    by_lower = {name.lower(): name for name in RULE_KEYS}
    near = get_close_matches(lower, by_lower, n=1, cutoff=0.8)
    return by_lower[near[0]] if near else None


def _type_name(value: Any) -> str:
    names = {bool: "true or false", str: "a text", dict: "an object", list: "a list", type(None): "null"}
    return names.get(type(value), "a number")


# --- XML ------------------------------------------------------------------------------------------------------------


def _read_xml(text: str, document: str) -> CORSSource:
    try:
        root = read_xml(text)
    except MalformedXMLError as error:
        place = Location(document, "", "", error.line, error.column)
        finding = rules.NOT_CORS.finding(error.problem, at=place, fix=error.hint)
        return CORSSource(document, "unknown", None, (finding,))
    if root.name != "CORSConfiguration":
        place = Location(document, "", "", root.line, root.column)
        finding = rules.NOT_CORS.finding(f"the root is <{root.name}>, not <CORSConfiguration>", at=place)
        return CORSSource(document, "unknown", None, (finding,))
    findings = [rules.OLD_XML.finding("this is S3's XML", at=Location(document, "", "", root.line, root.column))]
    positions: dict[str, tuple[int, int]] = {"": (root.line, root.column)}
    source = CORSSource(document, "xml", None, (), "", positions)
    read: list[CORSRule] = []
    for child in root.children:
        if child.name != "CORSRule":
            place = Location(document, "", "", child.line, child.column)
            findings.append(rules.UNKNOWN_KEY.finding(f"S3 knows no <{child.name}> here", at=place, fix="delete it"))
            continue
        read.append(_xml_rule(child, f"/{len(read)}", source, findings))
    return CORSSource(document, "xml", CORSConfiguration(tuple(read)), tuple(findings), "", positions)


def _xml_rule(element: Element, pointer: str, source: CORSSource, findings: list[Finding]) -> CORSRule:
    """Turn the elements into the API's object, remember where each stood, and read it like JSON."""
    source.positions[pointer] = (element.line, element.column)
    value: dict[str, Any] = {}
    for child in element.children:
        key = LISTS.get(child.name, child.name)
        if child.name in LISTS:
            texts = value.setdefault(key, [])
            source.positions[f"{pointer}/{key}/{len(texts)}"] = (child.line, child.column)
            texts.append(child.text)
            continue
        source.positions[f"{pointer}/{key}"] = (child.line, child.column)
        if key in value:
            place = _location(source, f"{pointer}/{key}")
            findings.append(rules.DUPLICATE_KEY.finding(f"<{key}> stands twice in one rule", at=place))
        value[key] = child.text
        if key == "MaxAgeSeconds" and (seconds := whole_number(child.text)) is not None:
            value[key] = seconds
    return _rule(value, pointer, source, findings)
