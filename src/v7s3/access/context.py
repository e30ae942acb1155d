"""What is known about one request's condition keys: a value, present with an unknown value, absent, or nothing at all.

A key that nobody mentions is *unknown*, which is neither "absent" nor "false". Key names ignore case.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum

from v7s3.access.policy import condition_text
from v7s3.errors import UsageError


class Presence(Enum):
    ABSENT = "absent"
    PRESENT = "present, with a value that is not known"
    UNKNOWN = "unknown"


Texts = tuple[str, ...]  # the values of a key that is present; never empty
Value = Texts | Presence

ABSENT, PRESENT, UNKNOWN = Presence.ABSENT, Presence.PRESENT, Presence.UNKNOWN


class Context:
    """Values of condition keys. Later layers override earlier ones; `otherwise` answers for keys that none lists."""

    def __init__(self, *layers: Mapping[str, Value], otherwise: Callable[[str], Value] = lambda _: UNKNOWN) -> None:
        self._otherwise = otherwise
        self._values: dict[str, Value] = {}
        for layer in layers:
            self._values.update({key.lower(): value for key, value in layer.items()})

    def __getitem__(self, key: str) -> Value:
        lower = key.lower()
        return self._values[lower] if lower in self._values else self._otherwise(lower)


def given(context: Mapping[str, object] | None) -> dict[str, Value]:
    """The context of an AccessRequest as values: text or a list of texts; None and an empty list mean absent.

    Booleans and numbers are taken as AWS would write them. Raises UsageError for anything else, and for one key given
    twice in different case with different values.
    """
    found: dict[str, Value] = {}
    for key, value in (context or {}).items():
        texts = ABSENT if value is None else _texts(key, value)
        if found.setdefault(key.lower(), texts) != texts:
            raise UsageError(
                f"the context names {key} twice with different values", hint="key names ignore case; keep one"
            )
    return found


def _texts(key: str, value: object) -> Value:
    listed = list(value) if isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping) else [value]
    texts = []
    for item in listed:
        text = condition_text(item)
        if text is None:
            raise UsageError(
                f"the context value of {key} is {item!r}",
                hint="give a text, a list of texts, or None for an absent key",
            )
        texts.append(text)
    return tuple(texts) or ABSENT
