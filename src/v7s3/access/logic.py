"""Kleene's three-valued logic: what is true, what is false, and what cannot be known from here."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Truth(StrEnum):
    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @classmethod
    def of(cls, value: object) -> Truth:
        return cls.TRUE if value else cls.FALSE

    def __invert__(self) -> Truth:
        return _NEGATION[self]

    def __bool__(self) -> bool:
        raise TypeError("a Truth has three values; compare it with Truth.TRUE")


_NEGATION = {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}


def all_of(truths: Iterable[Truth]) -> Truth:
    """AND: one false is enough; the empty AND is true."""
    return _unless(Truth.FALSE, truths, otherwise=Truth.TRUE)


def any_of(truths: Iterable[Truth]) -> Truth:
    """OR: one true is enough; the empty OR is false."""
    return _unless(Truth.TRUE, truths, otherwise=Truth.FALSE)


def _unless(deciding: Truth, truths: Iterable[Truth], *, otherwise: Truth) -> Truth:
    found = otherwise
    for truth in truths:
        if truth is deciding:
            return deciding
        if truth is Truth.UNKNOWN:
            found = truth
    return found


def in_every_case(truths: Iterable[Truth]) -> Truth:
    """What holds when it is not known which of several cases is the real one."""
    found = set(truths)
    return found.pop() if len(found) == 1 else Truth.UNKNOWN
