"""Globs as AWS has them (`*` any run, `?` any one character, nothing else), matched without backtracking.

A glob is a line of places, each accepting some characters, and of loops between them. Every place reached so far is
one bit of an int, so that a character moves all of them at once: `*a*a*a…b` costs the same as any other glob.

The same machine answers questions about all texts at once. `regions` cuts the set of all texts (or those of one glob)
into the parts that a number of globs tell apart, and returns one example of each part. What holds for the examples
holds for every text.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class Wild(Enum):
    ONE = "?"
    RUN = "*"
    ONE_IN_PART = "? but no colon"  # inside one of the first five parts of an ARN
    RUN_IN_PART = "* but no colon"


Token = str | Wild  # a text is the set of characters accepted in this place


@dataclass(frozen=True, slots=True)
class Glob:
    tokens: tuple[Token, ...]

    @classmethod
    def parse(cls, text: str) -> Glob:
        return cls(tuple(Wild.RUN if c == "*" else Wild.ONE if c == "?" else c for c in text))

    @classmethod
    def literal(cls, text: str) -> Glob:
        return cls(tuple(text))

    @classmethod
    def ignoring_case(cls, text: str) -> Glob:
        # "ß" in upper case is two letters; a place accepts one.
        return cls(tuple("".join(sorted(e for e in {c, c.lower(), c.upper()} if len(e) == 1)) for c in text))

    def __add__(self, other: Glob) -> Glob:
        return Glob(self.tokens + other.tokens)

    def within_part(self) -> Glob | None:
        """The same glob for one part of an ARN, which holds no colon; None when it asks for one."""
        if ":" in self.tokens:
            return None
        inner = {Wild.ONE: Wild.ONE_IN_PART, Wild.RUN: Wild.RUN_IN_PART}
        return Glob(tuple(inner.get(token, token) if isinstance(token, Wild) else token for token in self.tokens))

    def matches(self, text: str) -> bool:
        """Whether the glob covers the whole of `text`. Linear in the text, whatever the glob."""
        return _machine(self).matches(text)


def matches(pattern: str, text: str) -> bool:
    """Whether the glob written `pattern` covers the whole of `text`."""
    return Glob.parse(pattern).matches(text)


class _Machine:
    """Bit `n` of a state: the first `n` places have been passed. A star is a loop on the bit where it stands."""

    def __init__(self, glob: Glob) -> None:
        self.literals: dict[str, int] = {}  # character -> the places that accept it by name
        self.ones = self.ones_in_part = self.loops = self.loops_in_part = 0
        places = 0
        for token in glob.tokens:
            bit = 1 << places
            if token is Wild.RUN:
                self.loops |= bit
            elif token is Wild.RUN_IN_PART:
                self.loops_in_part |= bit
            else:
                if token is Wild.ONE:
                    self.ones |= bit
                elif token is Wild.ONE_IN_PART:
                    self.ones_in_part |= bit
                else:
                    for character in token:
                        self.literals[character] = self.literals.get(character, 0) | bit
                places += 1
        self.accept = 1 << places
        self.knows_colons = bool(self.ones_in_part or self.loops_in_part)
        self.head = _literal_prefix(glob.tokens)
        self.is_literal = len(self.head) == len(glob.tokens)

    def step(self, state: int, character: str) -> int:
        places, loops = self.literals.get(character, 0) | self.ones, self.loops
        if character != ":":
            places, loops = places | self.ones_in_part, loops | self.loops_in_part
        return (state & places) << 1 | (state & loops)

    def matches(self, text: str) -> bool:
        if self.is_literal:
            return text == self.head
        if not text.startswith(self.head):
            return False
        state = 1 << len(self.head)
        for character in text[len(self.head) :]:
            state = self.step(state, character)
            if not state:
                return False
            if state & self.accept & self.loops:
                return True  # the glob ends in a star, which takes the rest
        return bool(state & self.accept)

    def characters(self, state: int) -> Iterator[str]:
        """The characters that this state tells apart from all others."""
        for character, places in self.literals.items():
            if state & places:
                yield character
        if self.knows_colons:
            yield ":"


def _literal_prefix(tokens: tuple[Token, ...]) -> str:
    found = []
    for token in tokens:
        if not isinstance(token, str) or len(token) != 1:
            break
        found.append(token)
    return "".join(found)


@lru_cache(maxsize=4096)
def _machine(glob: Glob) -> _Machine:
    return _Machine(glob)


_State = tuple[tuple[int, int], ...]  # for each machine that still runs, its number and its places
_Step = tuple[_State, int, str]  # a state, the number of the step before it, and the character between the two

_EVERYTHING = Glob((Wild.RUN,))
_STEPS = 100_000  # far more than real policies need; a hostile one is answered with "cannot tell"
_UNUSUAL: list[str] = [chr(number) for number in range(0xE000, 0xF8FF)]
_ORDINARY = "x0_-."  # characters for examples, tried in this order, that people can read


def regions(globs: Sequence[Glob], within: Glob = _EVERYTHING, limit: int = _STEPS) -> list[str] | None:
    """One short example of every part into which `globs` cut the texts that `within` covers.

    Two texts are in the same part when each glob covers both or neither. None when telling the parts apart would take
    more than `limit` steps of one glob by one character, which happens for globs such as `*a????????????????????`.
    """
    machines = [_machine(within), *dict.fromkeys(map(_machine, globs))]
    other = _unnamed_character(machines)
    start = tuple((number, 1) for number in range(len(machines)))
    seen = {start}
    queue: list[_Step] = [(start, -1, "")]
    examples: dict[frozenset[int], int] = {}
    for place, (state, _, _) in enumerate(queue):  # grows while it is walked: breadth first, so examples are shortest
        accepting = frozenset(number for number, bits in state if bits & machines[number].accept)
        if 0 in accepting:
            examples.setdefault(accepting, place)
        named = {character for number, bits in state for character in machines[number].characters(bits)}
        limit -= len(state) * (len(named) + 1)
        if limit < 0:
            return None
        for character in (other, *sorted(named)):
            following = tuple(
                (number, bits) for number, old in state if (bits := machines[number].step(old, character))
            )
            if following and following[0][0] == 0 and following not in seen:
                seen.add(following)
                queue.append((following, place, character))
    return [_spelled(queue, place) for place in examples.values()]


def _spelled(queue: list[_Step], place: int) -> str:
    found: list[str] = []
    while place > 0:
        _, place, character = queue[place]
        found.append(character)
    return "".join(reversed(found))


def _unnamed_character(machines: list[_Machine]) -> str:
    """A character that no glob names: it stands for all of those."""
    named = {character for machine in machines for character in machine.literals} | {":"}
    return next(c for c in chain(_ORDINARY, _UNUSUAL) if c not in named)
