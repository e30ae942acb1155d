"""Which objects to look at: some of all that lie below a prefix, and not only the first page of them.

A listing goes forward only, so later keys are found by jumping: "what comes after raw/5?". Every answer is a key, and
says that nothing lies between the place and that key. What is not ruled out are gaps; each round jumps into the
coarsest of them, side by side.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

T = TypeVar("T")

ROUNDS = 5
WIDTH = 32  # jumps in one round

_LAST = "\U0010ffff"  # behind everything that begins alike
_KINDS = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_POPULAR = "".join(sorted("!'()*-. /_" + "".join(_KINDS)))


class _Gap(NamedTuple):
    """Keys may lie between the key `low` and the place or key `high`; `shared` characters are common to both."""

    shared: int
    low: str
    high: str


def spaced(values: Sequence[T], wanted: int) -> tuple[T, ...]:
    """At most `wanted` of the values, evenly spaced, the first and the last among them."""
    if len(values) <= wanted:
        return tuple(values)
    if wanted == 1:
        return (values[0],)
    return tuple(values[index * (len(values) - 1) // (wanted - 1)] for index in range(wanted))


def explore(
    prefix: str, first: str, last: str, following: Callable[[Sequence[str]], Sequence[str | None]]
) -> list[str]:
    """Keys that come after the first page, spread over the prefix; `first` and `last` are of that page.

    `following` gives, for each of several places, the first key after it that has the prefix, None when there is none.
    Ends after `ROUNDS` rounds, or when nothing is left to find.
    """
    answers: dict[str, str | None] = {}
    varies = _shared(first, last)
    places = [last[: index + 1] + _LAST for index in range(len(prefix), min(len(last), varies + 2))][-WIDTH:]
    for _ in range(ROUNDS):
        if not places:
            break
        answers.update(zip(places, following(places), strict=True))
        found = sorted({key for key in answers.values() if key is not None})
        gaps = sorted(_gaps(prefix, [last, *found], answers))
        fresh = dict.fromkeys(place for gap in gaps for place in _into(gap) if place not in answers)
        places = list(fresh)[:WIDTH]
    return sorted({key for key in answers.values() if key is not None})


def _gaps(prefix: str, keys: Sequence[str], answers: Mapping[str, str | None]) -> Iterator[_Gap]:
    """What lies between neighbouring keys, and after the last, as far as no answer rules it out."""
    nearest: dict[str | None, str] = {}
    for place, key in answers.items():
        nearest[key] = min(place, nearest.get(key, place))
    for low, high in pairwise(keys):
        bound = max(nearest.get(high, high), low)
        yield _Gap(_shared(low, bound), low, bound)
    bound = max(nearest.get(None, prefix + _LAST), keys[-1])
    yield _Gap(_shared(keys[-1], bound), keys[-1], bound)


def _into(gap: _Gap) -> Iterator[str]:
    """Places in a gap: where its ends differ, and behind those that begin as the lower end does up to there."""
    for index, high in ((gap.shared, gap.high[gap.shared : gap.shared + 1]), (gap.shared + 1, "")):
        if index < len(gap.low):
            for character in _picks(gap.low[index], high or _LAST):
                place = gap.low[:index] + character
                if gap.low < place < gap.high:
                    yield place


def _picks(low: str, high: str) -> tuple[str, ...]:
    """Characters between two: the next one, the middle of its kind, the first of another kind, the middle of all."""
    kind = next((each for each in _KINDS if low in each), "")
    alike = [each for each in kind if low < each < high]
    others = [each for each in _POPULAR if low < each < high and each not in kind]
    every = sorted([*alike, *others])
    picks = [
        chosen[at]
        for chosen, at in ((every, 0), (alike, len(alike) // 2), (others, 0), (every, len(every) // 2))
        if chosen
    ]
    return tuple(dict.fromkeys(picks))


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (left, right) in pairs if left != right), min(len(one), len(other)))
