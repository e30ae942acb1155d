"""Bucket policies as values: PolicyDocument, Statement, Principal, Condition; read from JSON and written back.

    PolicyDocument
    └── Statement*            Effect, Sid
        ├── Principal         or NotPrincipal, or neither
        ├── actions           or not_actions
        ├── resources         or not_resources
        └── Condition*        one per operator and key, all of which have to hold

Reading is strict about the grammar (what may stand where) and lenient about meaning: an unknown operator, a principal
that no longer exists or an ARN that S3 would refuse is kept as written, and the evaluator says "unknown" for it.
Scalars and one-element lists are the same thing and become tuples.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar

from v7s3.errors import UsageError

Effect = Literal["Allow", "Deny"]

VERSIONS = ("2008-10-17", "2012-10-17")  # the first is what AWS takes when the element is absent
VERSION_WITH_VARIABLES = VERSIONS[1]

_Read = TypeVar("_Read")

_DOCUMENT_ELEMENTS = ("Version", "Id", "Statement")
_STATEMENT_ELEMENTS = (
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"),
)


class Entry(NamedTuple):
    """One principal: its type as written (`AWS`, `Service`, `Federated`, `CanonicalUser`) and its value."""

    kind: str
    value: str


@dataclass(frozen=True, slots=True)
class Principal:
    """The value of Principal or NotPrincipal. The bare text `"*"` is the one entry `AWS: *` with `bare` set."""

    entries: tuple[Entry, ...]
    bare: bool = False

    def dump(self) -> Any:
        if self.bare:
            return "*"
        kinds = dict.fromkeys(entry.kind for entry in self.entries)
        return {kind: _dump_texts(tuple(e.value for e in self.entries if e.kind == kind)) for kind in kinds}


@dataclass(frozen=True, slots=True)
class Condition:
    """One operator applied to one key. Values are texts: JSON booleans and numbers are written as AWS reads them."""

    operator: str  # as written: "ForAnyValue:StringLikeIfExists"
    key: str  # as written: "aws:SourceVpce"
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.operator} {self.key} {' or '.join(self.values) or '(no value)'}"


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement. Exactly one of `actions`/`not_actions` and one of `resources`/`not_resources` is not None."""

    index: int  # place in the document, from 0
    effect: Effect
    sid: str | None = None
    principal: Principal | None = None
    not_principal: Principal | None = None
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = None
    not_resources: tuple[str, ...] | None = None
    conditions: tuple[Condition, ...] = ()

    @property
    def pointer(self) -> str:
        """JSON pointer of this statement (a document with one bare statement object counts as a list of one)."""
        return f"/Statement/{self.index}"

    @property
    def label(self) -> str:
        """How people are told which statement is meant: its place, counted from 1, and its Sid."""
        return f"statement {self.index + 1}" + (f" ({self.sid})" if self.sid else "")

    def dump(self) -> dict[str, Any]:
        """The statement as a JSON object, elements in AWS's customary order."""
        texts = {
            "Action": self.actions,
            "NotAction": self.not_actions,
            "Resource": self.resources,
            "NotResource": self.not_resources,
        }
        conditions: dict[str, dict[str, Any]] = {}
        for condition in self.conditions:
            conditions.setdefault(condition.operator, {})[condition.key] = _dump_texts(condition.values)
        return {
            **({} if self.sid is None else {"Sid": self.sid}),
            "Effect": self.effect,
            **({} if self.principal is None else {"Principal": self.principal.dump()}),
            **({} if self.not_principal is None else {"NotPrincipal": self.not_principal.dump()}),
            **{name: _dump_texts(values) for name, values in texts.items() if values is not None},
            **({"Condition": conditions} if conditions else {}),
        }


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    statements: tuple[Statement, ...]
    version: str | None = None
    id: str | None = None

    @property
    def has_variables(self) -> bool:
        """Whether `${…}` means anything: only in documents that say Version 2012-10-17."""
        return self.version == VERSION_WITH_VARIABLES

    @classmethod
    def parse(cls, source: str | bytes | Mapping[str, Any]) -> PolicyDocument:
        """Read a policy from JSON text or from the object it stands for.

        Raises UsageError, naming the place as a JSON pointer, for what is not JSON or not the grammar of a policy: an
        element that is unknown, missing, doubled or of the wrong type, or an Effect or Version that AWS does not know.
        """
        data = source if isinstance(source, Mapping) else _from_json(source)
        _refuse_unknown(data, _DOCUMENT_ELEMENTS, "")
        version = _optional_text(data, "Version", "")
        if version is not None and version not in VERSIONS:
            raise _malformed("/Version", f"must be one of {' and '.join(VERSIONS)}, found {_shown(version)}")
        if "Statement" not in data:
            raise _malformed("", "Missing required field Statement")
        statements = data["Statement"]
        listed = statements if isinstance(statements, list | tuple) else [statements]
        return cls(
            statements=tuple(_statement(index, value) for index, value in enumerate(listed)),
            version=version,
            id=_optional_text(data, "Id", ""),
        )

    def dump(self) -> dict[str, Any]:
        """The policy as a JSON object; `PolicyDocument.parse(document.dump()) == document`."""
        return {
            **({} if self.version is None else {"Version": self.version}),
            **({} if self.id is None else {"Id": self.id}),
            "Statement": [statement.dump() for statement in self.statements],
        }


def _dump_texts(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


# ------------------------------------------------------------------------------------- reading, with the place


def _malformed(pointer: str, problem: str) -> UsageError:
    return UsageError(
        f"the policy is malformed{f' at {pointer}' if pointer else ''}: {problem}",
        hint="AWS would refuse to store this document; `v7s3 policy check` shows every problem with its line",
    )


def _below(pointer: str, name: object) -> str:
    """The JSON pointer (RFC 6901) of the member `name`."""
    return f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"


def _shown(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _from_json(text: str | bytes) -> Mapping[str, Any]:
    if not isinstance(text, str | bytes | bytearray):
        raise _malformed("", f"a policy is a JSON object, found {_shown(text)}")
    if isinstance(text, str):
        text = text.removeprefix("\ufeff")  # as `json.loads` does for bytes
    try:
        data = json.loads(text, object_pairs_hook=_without_duplicates, parse_constant=_no_constant)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        where = (
            f"line {error.lineno}, column {error.colno}: {error.msg}"
            if isinstance(error, json.JSONDecodeError)
            else f"byte {error.start} is not UTF-8"
        )
        raise _malformed("", f"not valid JSON, {where}") from None
    except (RecursionError, ValueError) as error:
        raise _malformed("", f"not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise _malformed("", f"a policy is a JSON object, found {_shown(data)}")
    return data


def _no_constant(name: str) -> float:
    raise _malformed("", f"not valid JSON: {name}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        doubled = next(name for name in names if names.count(name) > 1)
        raise _malformed("", f"{_shown(doubled)} stands twice in one object, and only one of the two could count")
    return found


def _refuse_unknown(data: Mapping[str, Any], known: tuple[str, ...], pointer: str) -> None:
    for name in data:
        if name not in known:
            raise _malformed(_below(pointer, name), f"no such element; known here: {', '.join(known)}")


def _optional_text(data: Mapping[str, Any], name: str, pointer: str) -> str | None:
    value = data.get(name)
    if name in data and not isinstance(value, str):
        raise _malformed(f"{pointer}/{name}", f"must be text, found {_shown(value)}")
    return value


def _texts(value: object, pointer: str) -> tuple[str, ...]:
    """A text or a list of texts."""
    listed = value if isinstance(value, list | tuple) else [value]
    for text in listed:
        if not isinstance(text, str):
            raise _malformed(pointer, f"must be text or a list of texts, found {_shown(text)}")
    return tuple(listed)


def _statement(index: int, value: object) -> Statement:
    pointer = f"/Statement/{index}"
    if not isinstance(value, Mapping):
        raise _malformed(pointer, f"a statement is a JSON object, found {_shown(value)}")
    _refuse_unknown(value, _STATEMENT_ELEMENTS, pointer)
    effect = value.get("Effect")
    if effect not in ("Allow", "Deny"):
        problem = "Missing required field Effect" if "Effect" not in value else f"Invalid effect: {_shown(effect)}"
        raise _malformed(f"{pointer}/Effect", f'{problem}; "Allow" and "Deny" are the two effects')
    action, not_action = _one_of(value, "Action", "NotAction", pointer, _texts, needed=True)
    resource, not_resource = _one_of(value, "Resource", "NotResource", pointer, _texts, needed=True)
    principal, not_principal = _one_of(value, "Principal", "NotPrincipal", pointer, _principal, needed=False)
    return Statement(
        index=index,
        effect=effect,
        sid=_optional_text(value, "Sid", pointer),
        principal=principal,
        not_principal=not_principal,
        actions=action,
        not_actions=not_action,
        resources=resource,
        not_resources=not_resource,
        conditions=_conditions(value["Condition"], f"{pointer}/Condition") if "Condition" in value else (),
    )


def _one_of(
    value: Mapping[str, Any],
    name: str,
    negated: str,
    pointer: str,
    read: Callable[[object, str], _Read],
    *,
    needed: bool,
) -> tuple[_Read | None, _Read | None]:
    """The element `name` or its negation `negated`, never both."""
    if name in value and negated in value:
        raise _malformed(pointer, f"{name} and {negated} exclude each other")
    if needed and name not in value and negated not in value:
        raise _malformed(pointer, f"Missing required field {name}")
    return (
        read(value[name], f"{pointer}/{name}") if name in value else None,
        read(value[negated], f"{pointer}/{negated}") if negated in value else None,
    )


def _principal(value: object, pointer: str) -> Principal:
    if value in ("*", ["*"], ("*",)):
        return Principal((Entry("AWS", "*"),), bare=True)
    if not isinstance(value, Mapping):
        raise _malformed(pointer, f'must be "*" or an object such as {{"AWS": "arn:…"}}, found {_shown(value)}')
    return Principal(
        tuple(Entry(kind, text) for kind, texts in value.items() for text in _texts(texts, _below(pointer, kind)))
    )


def _conditions(value: object, pointer: str) -> tuple[Condition, ...]:
    if not isinstance(value, Mapping):
        raise _malformed(pointer, f"must be an object, found {_shown(value)}")
    found = []
    for operator, block in value.items():
        place = _below(pointer, operator)
        if not isinstance(block, Mapping):
            raise _malformed(place, f"must be an object of condition keys, found {_shown(block)}")
        found += [
            Condition(operator, key, _condition_values(values, _below(place, key))) for key, values in block.items()
        ]
    return tuple(found)


def _condition_values(value: object, pointer: str) -> tuple[str, ...]:
    listed = value if isinstance(value, list | tuple) else [value]
    texts = []
    for item in listed:
        text = condition_text(item)
        if text is None:
            raise _malformed(pointer, f"must be text, a number, a boolean or a list of these, found {_shown(item)}")
        texts.append(text)
    return tuple(texts)


def condition_text(value: object) -> str | None:
    """A value as conditions compare it: JSON's booleans and numbers as they are written; None when it can be none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else None
