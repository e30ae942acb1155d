"""What the keys of a bucket look like, learned from the ones that were seen: a guess at where the others are.

A key is read as a number, the way an arithmetic coder would: each character chooses a part of what the characters
before it left, and the parts are the characters seen at that place so far. Half way between two keys in numbers is
then about half way between them in objects, for counters, dates, hashes and names alike. Guesses decide only how fast a
listing is, never what is in it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# A place in a key: how many slashes stand before it, and how many characters since the last one. Counting within path
# segments keeps the digits of `cam1/000123.jpg` and `cam10/000123.jpg` at the same places.
Place = tuple[int, int]

_DIGITS = frozenset("0123456789")
_WHOLE = 1 << 256  # the number behind the last key
_DEEPEST = 200  # characters of a key that are looked at
_PRECISE = 32  # characters of a key that make its number
_EVENLY = 48  # characters that stand for a script of which only some were seen


def place_of(key: str, index: int) -> Place:
    return key.count("/", 0, index), index - (key.rfind("/", 0, index) + 1)


def _places(key: str, start: int, stop: int) -> Iterator[tuple[Place, str]]:
    depth, offset = place_of(key, start)
    for character in key[start:stop]:
        yield (depth, offset), character
        depth, offset = (depth + 1, 0) if character == "/" else (depth, offset + 1)


class KeyShape:
    """The characters seen at each place, and what follows from them."""

    def __init__(self) -> None:
        self._seen: dict[Place, set[str]] = {}
        self._likely: dict[Place, list[str]] = {}

    def learn(self, keys: Iterable[str]) -> None:
        for key in keys:
            for place, character in _places(key, 0, _DEEPEST):
                seen = self._seen.setdefault(place, set())
                if character not in seen:
                    seen.add(character)
                    self._likely.clear()

    def varies(self, place: Place) -> bool:
        """Whether more than one character was seen there."""
        return len(self._seen.get(place, ())) > 1

    def likely(self, place: Place) -> list[str]:
        """The characters to expect at a place, in order.

        Where one digit stands others will, and with them the letters that stand among digits at the same depth (hashes,
        base64); of a script beyond ASCII the rest is filled in evenly between the first and the last character seen.
        """
        known = self._likely.get(place)
        if known is None:
            characters = set(self._seen.get(place, ()))
            if characters & _DIGITS:
                characters |= _DIGITS
                for (depth, _), others in self._seen.items():
                    if depth == place[0] and others & _DIGITS:
                        characters |= others
            known = self._likely[place] = sorted(characters | _script(characters))
        return known

    def number(self, key: str | None, start: int) -> int:
        """Where a key lies among those that share its first `start` characters: 0 to `_WHOLE`; None is behind all."""
        if key is None:
            return _WHOLE
        number, size = 0, _WHOLE
        for place, character in _places(key, start, start + _PRECISE):
            likely = self.likely(place)
            if not likely:
                break
            size //= len(likely)
            digit = bisect_left(likely, character)
            number += digit * size
            if likely[digit : digit + 1] != [character]:
                break
        return number

    def key_near(self, number: int, start: str, width: int) -> str:
        """The shortest key beginning with `start` that lies at `number`, give or take an eighth of `width`."""
        key, size = start, _WHOLE
        for _ in range(_PRECISE):
            likely = self.likely(place_of(key, len(key)))
            if not likely:
                break
            size //= len(likely)
            digit = min(number // size, len(likely) - 1)
            number -= digit * size
            key += likely[digit]
            if 8 * size <= width:
                break
        return key


def _script(characters: set[str]) -> set[str]:
    """Characters spread evenly between those beyond ASCII."""
    beyond = sorted(ord(character) for character in characters if character > "\x7f")
    if len(beyond) < 2:
        return set()
    step = max(1, (beyond[-1] - beyond[0]) // _EVENLY)
    return {chr(code) for code in range(beyond[0], beyond[-1], step) if not is_surrogate(code)}


def is_surrogate(code: int) -> bool:
    """Code points that no key can hold, because they have no UTF-8."""
    return 0xD800 <= code < 0xE000
