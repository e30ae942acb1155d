"""Which worker lists which keys: a bucket divided on the way, without knowing what is in it.

Every worker owns a range of keys and pages through it. Who has nothing to do takes the upper part of the range that
seems to have most left. Any key may be the border between two ranges, whether it exists or not, so a wrong guess costs
one request and never a key. How many requests may be wasted is bounded.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter, lt
from typing import TYPE_CHECKING

from v7s3.errors import ServiceError
from v7s3.listing.guess import KeyShape, is_surrogate, place_of

if TYPE_CHECKING:
    from v7s3.items.objects import StorageObject

# Behind every key with the same beginning: the last character that is not reserved. Keys that hold it, or the two
# characters after it, only fall into the next range.
_LAST = "\U0010fffd"

_FREE_GUESSES = 24  # requests that may find nothing before the first page pays for them
_GUESSES_PER_PAGE = 0.2  # and how many each page pays for
_WORTH_SPLITTING = 1.0  # estimated pages left
_SAMPLES = 5  # keys of a page that are learned from, besides its last


@dataclass(slots=True, eq=False)
class Range:
    """The keys behind `after`, up to and including `to`; no `to` means up to the last.

    `after` moves as pages arrive, `to` when somebody takes the upper part. `left` estimates the pages still to come; a
    range nothing is known of has 0, for cutting it again would only multiply guesses.
    """

    after: str
    to: str | None = None
    first: str = ""
    pages: int = 0
    left: float = 0.0


class KeySpace:
    """All keys behind `prefix`, divided among those who ask. Not safe for threads: hold a lock."""

    def __init__(self, prefix: str, first_page: list[StorageObject]) -> None:
        """Begin behind the first page of the listing that is not empty, which must not be the last."""
        self._prefix = prefix
        self._shape = KeyShape()
        self._pages = self._empty = 0
        self._active: list[Range] = []
        self._unclaimed: list[Range] = []
        rest = Range("")
        self._active.append(rest)
        self._unclaimed.append(rest)
        self.arrived(rest, first_page, more=True)

    @property
    def done(self) -> bool:
        """Whether every key has arrived."""
        return not self._active

    def claim(self) -> Range | None:
        """A range for a worker who has none; None while there is nothing worth taking."""
        if self._unclaimed:
            return self._unclaimed.pop()
        unanswered = sum(1 for one in self._active if one.pages == 0)
        if self._empty + unanswered >= _FREE_GUESSES + _GUESSES_PER_PAGE * self._pages:
            return None
        for one in sorted(self._active, key=lambda one: one.left, reverse=True):
            if one.left < _WORTH_SPLITTING:
                break
            border = self._border(one)
            if border is None or not one.after < border or (one.to is not None and not border < one.to):
                one.left = 0.0  # until the next page arrives
                continue
            upper = Range(border, one.to)
            one.to = border
            one.left = min(one.left / 2, self._estimate(one))
            self._active.append(upper)
            return upper
        return None

    def arrived(self, mine: Range, objects: list[StorageObject], *, more: bool) -> list[StorageObject]:
        """Take in the answer to "what follows `mine.after`"; returns the objects that belong to the range.

        `more` is what the answer said of the listing as a whole: with no objects, `mine.after` stays where it is, and
        what follows is to be asked for by the answer's token. The range is finished when it is no longer `active`.
        """
        _require_order(objects, mine.after)
        self._pages += 1
        mine.pages += 1
        if mine.to is not None and objects and objects[-1].key >= mine.to:
            objects = objects[: bisect_right(objects, mine.to, key=itemgetter(0))]
            more = False
        if not objects:
            self._empty += 1
        else:
            mine.first = mine.first or objects[0].key
            mine.after = objects[-1].key
            self._shape.learn(one.key for one in objects[:: max(1, len(objects) // _SAMPLES)])
            self._shape.learn((mine.after,))
        if more:
            mine.left = self._estimate(mine)
        else:
            self._active.remove(mine)
        return objects

    def active(self, mine: Range) -> bool:
        """Whether there is more of the range to list."""
        return mine in self._active

    def _shared(self, key: str, to: str | None) -> int:
        """How many characters all keys between two have in common."""
        if to is None:
            return len(self._prefix)
        return next((index for index, (one, two) in enumerate(zip(key, to, strict=False)) if one != two), len(key))

    def _open(self, mine: Range, shared: int) -> bool:
        """Whether the range reaches beyond every character known at the place where its keys begin to differ.

        Behind a 9 that never was followed by anything there is probably nothing.
        """
        likely = self._shape.likely(place_of(mine.after, shared))
        if not likely:
            return True
        return (mine.to is None or mine.to[shared] > likely[-1]) and likely[-1] != "9"

    def _estimate(self, mine: Range) -> float:
        """Pages left: as far as the range still reaches, at the rate its pages have covered it; where nothing was seen
        to vary, as many as there were so far."""
        shared = self._shared(mine.after, mine.to)
        if self._open(mine, shared) or not self._shape.varies(place_of(mine.after, shared)):
            return float(mine.pages)
        shared = self._shared(mine.first, mine.to)
        first, now, end = (self._shape.number(key, shared) for key in (mine.first, mine.after, mine.to))
        return mine.pages * max(0, end - now) / max(1, now - first)

    def _border(self, mine: Range) -> str | None:
        """A key at which to divide the range, or None."""
        shared, after = self._shared(mine.after, mine.to), mine.after
        varying = shared
        while varying < len(after) and not self._shape.varies(place_of(after, varying)):
            varying += 1
        if varying > shared:  # a run that was the same in all keys so far: skip those that share half of it
            return after[: (shared + varying + 1) // 2] + _LAST
        if self._open(mine, shared):
            return self._beyond(mine, shared)
        now, end = self._shape.number(after, shared), self._shape.number(mine.to, shared)
        return self._shape.key_near((now + end) // 2, after[:shared], end - now)

    def _beyond(self, mine: Range, shared: int) -> str | None:
        """A border behind all that is known, where the range is open: next door, or in large scripts ever further."""
        likely = self._shape.likely(place_of(mine.after, shared))
        if not likely:
            return None
        script = [ord(character) for character in likely if character > "\x7f"]
        if len(script) >= 4:
            top = ord(_LAST) if mine.to is None else ord(mine.to[shared])
            code = min(script[-1] + 2 * (script[-1] - script[0]) + 1, (script[-1] + top + 1) // 2)
            code = 0xE000 if is_surrogate(code) else code
            if script[-1] < code < top:
                return mine.after[:shared] + chr(code)
        return mine.after[:shared] + likely[-1] + _LAST


def _require_order(objects: list[StorageObject], after: str) -> None:
    """Keys must ascend from `after` on; else ranges would overlap and lose keys."""
    keys = [after, *map(itemgetter(0), objects)]
    if not all(map(lt, keys, islice(keys, 1, None))):
        raise ServiceError(
            "the S3 server does not list its keys in the order of their UTF-8 bytes",
            hint="list with one worker: parts of such a listing cannot be told apart",
        )
