"""Policy variables: `${aws:username}`, `${aws:PrincipalTag/team, 'default'}`, and the signs `${*}`, `${?}`, `${$}`.

They mean something only in documents of Version 2012-10-17. Their values are literal: a `*` in a value is no wildcard.
Names hold colons, so a text is taken apart into pieces before it is split as an ARN. Source:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from v7s3.access.context import ABSENT, Context, Presence
from v7s3.access.globs import Glob, Wild
from v7s3.access.logic import Truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_VARIABLE = re.compile(r"\$\{(?P<body>[^{}]*)\}")
_BODY = re.compile(r"(?P<key>[^\s,'\"](?:[^,'\"]*[^\s,'\"])?)(?:\s*,\s*'(?P<default>[^']*)'\s*)?")

ARN_PARTS = 6


class Plain(NamedTuple):
    """Text as it stands in the policy: its `*` and `?` are wildcards where the operator has wildcards."""

    text: str


class Sign(NamedTuple):
    """`${*}`, `${?}` or `${$}`: the sign itself."""

    text: str


class Variable(NamedTuple):
    key: str  # "" when what stands between the braces is no variable
    default: str | None


Piece = Plain | Sign | Variable


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one text of a policy covers: at least `lower` and at most `upper` (None = nothing at all).

    The two differ when a variable's value is not known (`keys` says whose) or AWS's documents leave the meaning open.
    """

    text: str
    lower: Glob | None
    upper: Glob | None
    keys: tuple[str, ...] = ()

    def covers(self, text: str) -> Truth:
        if self.upper is None or not self.upper.matches(text):
            return Truth.FALSE
        return Truth.TRUE if self.lower is not None and self.lower.matches(text) else Truth.UNKNOWN

    @property
    def globs(self) -> Iterator[Glob]:
        if self.lower is not None:
            yield self.lower
        if self.upper is not None:
            yield self.upper


def pieces(text: str, *, with_variables: bool) -> tuple[Piece, ...]:
    if not with_variables:
        return (Plain(text),)
    found: list[Piece] = []
    end = 0
    for match in _VARIABLE.finditer(text):
        found += _plain(text[end : match.start()])
        body = match["body"]
        if body in ("*", "?", "$"):
            found.append(Sign(body))
        else:
            parts = _BODY.fullmatch(body)
            found.append(Variable(parts["key"], parts["default"]) if parts else Variable("", None))
        end = match.end()
    return (*found, *_plain(text[end:]))


def _plain(text: str) -> Iterator[Piece]:
    """Plain text; after a `${` that nothing closes anything could be meant."""
    before, opened, _ = text.partition("${")
    if before:
        yield Plain(before)
    if opened:
        yield Variable("", None)


class Reading(NamedTuple):
    """How an operator makes globs: of the plain stretches of a text, and of the values of its variables."""

    plain: Callable[[str], Glob]
    value: Callable[[str], Glob]


EXACT = Reading(Glob.literal, Glob.literal)
IGNORING_CASE = Reading(Glob.ignoring_case, Glob.ignoring_case)
WITH_WILDCARDS = Reading(Glob.parse, Glob.literal)


def pattern(text: str, reading: Reading, context: Context, *, with_variables: bool) -> Pattern:
    """The pattern of a whole text."""
    parsed = pieces(text, with_variables=with_variables)
    return _joined(text, [(parsed, Wild.RUN)], reading, context)


def arn_pattern(text: str, context: Context, *, with_variables: bool) -> Pattern | None:
    """The pattern of an ARN: a glob for each of its six colon parts, the last of which may hold colons itself.

    None when the text does not have six parts.
    """
    parts = split_arn(pieces(text, with_variables=with_variables))
    if len(parts) < ARN_PARTS:
        return None
    return _joined(
        text, [*((part, Wild.RUN_IN_PART) for part in parts[:-1]), (parts[-1], Wild.RUN)], WITH_WILDCARDS, context
    )


def split_arn(parsed: Sequence[Piece]) -> list[tuple[Piece, ...]]:
    """The pieces of each colon part; colons inside of variables do not count."""
    parts: list[list[Piece]] = [[]]
    for piece in parsed:
        if not isinstance(piece, Plain):
            parts[-1].append(piece)
            continue
        first, *others = piece.text.split(":", ARN_PARTS - len(parts))
        parts[-1].append(Plain(first))
        parts += [[Plain(other)] for other in others]
    return [tuple(part) for part in parts]


def _joined(text: str, parts: Sequence[tuple[Sequence[Piece], Wild]], reading: Reading, context: Context) -> Pattern:
    """Glob of the parts joined by colons; beside each part stands the wildcard for values that are not known."""
    lower, upper, unknown = Glob(()), Glob(()), []
    for number, (part, wild) in enumerate(parts):
        colon = Glob.literal(":" if number else "")
        lower, upper = lower + colon, upper + colon
        for piece in part:
            glob = _glob_of(piece, reading, context)
            if isinstance(glob, str):
                unknown.append(glob)
                upper += Glob((wild,))
                continue
            if glob is not None and wild is Wild.RUN_IN_PART:
                glob = glob.within_part()
            if glob is None:
                return Pattern(text, None, None)
            lower, upper = lower + glob, upper + glob
    return Pattern(text, None if unknown else lower, upper, tuple(unknown))


def _glob_of(piece: Piece, reading: Reading, context: Context) -> Glob | str | None:
    """The glob of a piece; the variable's key when its value is not known; None when it has no value."""
    if isinstance(piece, Plain):
        return reading.plain(piece.text)
    if isinstance(piece, Sign):
        return reading.value(piece.text)
    value = context[piece.key] if piece.key else Presence.UNKNOWN
    if value is ABSENT:
        return None if piece.default is None else reading.value(piece.default)
    if isinstance(value, Presence) or len(value) > 1:  # a key with several values is no variable
        return piece.key or "an unreadable variable"
    return reading.value(value[0])
