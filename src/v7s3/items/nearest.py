"""A key that is not in the bucket, and the one that was probably meant. Pure.

Labelling tools answer a misspelt key with "403" or with a broken image, so the difference is worth finding: another
case, another way to write the same characters, or the right name in another folder.
"""

from __future__ import annotations

import unicodedata
from difflib import get_close_matches
from typing import TYPE_CHECKING, Literal, NamedTuple
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

State = Literal["wrong-case", "wrong-form", "wrong-prefix", "missing", "no-access"]

_SIMILAR = 0.8  # difflib's ratio from which a name is worth suggesting


class AbsentKey(NamedTuple):
    """A key that cannot be used: why, in words that continue "KEY …", and the key probably meant ("": none)."""

    key: str
    state: State
    why: str
    nearest: str = ""


def absent(key: str, existing: Collection[str], bucket: str = "") -> AbsentKey:
    """Why `key`, which does not exist, is not the same as one of `existing`: the likeliest explanation first."""
    for form, why in other_forms(key, bucket):
        if form in existing:
            return AbsentKey(key, "wrong-form", f"{why}: the bucket has {form!r}", form)
    if other := _first(existing, key, str.casefold):
        return AbsentKey(key, "wrong-case", f"is written otherwise in the bucket: {other!r} (case matters)", other)
    if other := _first(existing, key, loose_form):
        return AbsentKey(key, "wrong-form", f"is written otherwise in the bucket: {other!r}", other)
    elsewhere = [other for other in existing if _name(other).casefold() == _name(key).casefold()]
    if elsewhere:
        other = max(elsewhere, key=lambda candidate: (_common_tail(candidate, key), candidate))
        return AbsentKey(key, "wrong-prefix", f"does not exist; the bucket has {other!r}", other)
    if close := get_close_matches(key, existing, n=1, cutoff=_SIMILAR):
        return AbsentKey(key, "missing", f"does not exist; the nearest key is {close[0]!r}", close[0])
    return AbsentKey(key, "missing", "does not exist")


def other_forms(key: str, bucket: str = "") -> Iterator[tuple[str, str]]:
    """Other ways to write what `key` says, none of them twice, each with what is the matter with this one."""
    seen = {key}
    for rewrite, why in _REWRITES:
        form = rewrite(key, bucket)
        if form and form not in seen:
            seen.add(form)
            yield form, why


def loose_form(key: str) -> str:
    """The same text for all keys that people mistake for each other: compared, never used."""
    text = unicodedata.normalize("NFC", unquote(key)).replace("\\", "/").casefold()
    return "/".join(part.strip() for part in text.split("/") if part.strip())


def _first(existing: Collection[str], key: str, form: Callable[[str], str]) -> str:
    """The least of the keys that have the same form; "" when none has."""
    meant = form(key)
    return min((other for other in existing if form(other) == meant), default="")


def _name(key: str) -> str:
    return key.rstrip("/").rpartition("/")[2]


def _common_tail(one: str, two: str) -> int:
    """How many path segments two keys share at their ends."""
    pairs = zip(reversed(one.split("/")), reversed(two.split("/")), strict=False)
    return next((count for count, (left, right) in enumerate(pairs) if left.casefold() != right.casefold()), 99)


def _without_bucket(key: str, bucket: str) -> str:
    for start in (f"s3://{bucket}/", f"arn:aws:s3:::{bucket}/", f"{bucket}/", f"/{bucket}/"):
        if bucket and key.startswith(start):
            return key[len(start) :]
    return key


_REWRITES: tuple[tuple[Callable[[str, str], str], str], ...] = (
    (_without_bucket, "names the bucket; a key begins behind it"),
    (lambda key, _: key.lstrip("/"), "begins with a slash"),
    (lambda key, _: key.strip(" \t\r\n"), "has blanks at an end"),
    (lambda key, _: key.strip("\"'"), "stands in quotation marks"),
    (lambda key, _: unquote(key), "is percent-encoded; keys are written plainly"),
    (lambda key, _: unquote_plus(key), "is encoded as in a web form; keys are written plainly"),
    (
        lambda key, _: unicodedata.normalize("NFC", key),
        "has its accents as characters of their own (NFD, as macOS does)",
    ),
    (lambda key, _: unicodedata.normalize("NFD", key), "has its accents in one with their letters (NFC)"),
    (lambda key, _: key.replace("\\", "/"), "has backslashes; keys have slashes"),
    (lambda key, _: key.replace("//", "/"), "has two slashes in a row"),
)
