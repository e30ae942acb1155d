"""Which objects to look at: some of all that lie below a prefix, and not only the first page of them.

A listing goes forward only, so later keys are found by jumping: "what comes after raw/5?". Where to jump is worked out
from the keys that are known; each round of jumps can be made side by side.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

T = TypeVar("T")

ROUNDS = 4  # rounds of jumps after the first page
WIDTH = 24  # jumps in one round

_ENDS = (("0", "9"), ("A", "Z"), ("a", "z"))


def spaced(values: Sequence[T], wanted: int) -> tuple[T, ...]:
    """At most `wanted` of the values, evenly spaced, the first and the last among them."""
    if len(values) <= wanted:
        return tuple(values)
    if wanted == 1:
        return (values[0],)
    return tuple(values[index * (len(values) - 1) // (wanted - 1)] for index in range(wanted))


def jumps(prefix: str, known: Sequence[str], last_of_page: str) -> tuple[str, ...]:
    """Where to go on listing so as to find keys that are not known yet; at most `WIDTH` places.

    `known` are sorted keys below `prefix`; everything up to `last_of_page` has been listed.
    """
    edges = [last_of_page, *(key for key in known if key > last_of_page)]
    places = list(_beyond(prefix, edges[-1]))
    for low, high in pairwise(edges):
        places += _between(low, high)
    fresh = sorted({place for place in places if place > last_of_page} - set(known))
    return spaced(fresh, WIDTH)


def _beyond(prefix: str, key: str) -> Iterator[str]:
    """Places after `key`: for each of its characters the next one, and one half-way to the last of its kind."""
    for index in range(len(prefix), len(key)):
        here = ord(key[index])
        for code in {here + 1, (here + ord(_end(key[index])) + 1) // 2}:
            if here < code and not 0xD800 <= code <= 0xDFFF:
                yield key[:index] + chr(code)


def _between(low: str, high: str) -> Iterator[str]:
    """Places between two keys: half-way where they differ, and half-way among those that begin like `low`."""
    index = next((i for i, (one, other) in enumerate(zip(low, high, strict=False)) if one != other), len(low))
    if index < min(len(low), len(high)):
        middle = (ord(low[index]) + ord(high[index])) // 2
        if middle > ord(low[index]) and not 0xD800 <= middle <= 0xDFFF:
            yield low[:index] + chr(middle)
    if index + 1 < len(low):
        here = low[index + 1]
        code = (ord(here) + ord(_end(here)) + 1) // 2
        if code > ord(here) and not 0xD800 <= code <= 0xDFFF:
            yield low[: index + 1] + chr(code)


def _end(character: str) -> str:
    """The last character of the same kind: 9 for a digit, z for a small letter."""
    for first, last in _ENDS:
        if first <= character <= last:
            return last
    return max(character, "~")
