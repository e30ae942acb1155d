"""One bucket, several machines: each takes the part of the whole that `--shard 3/16` names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from v7s3.errors import UsageError
from v7s3.items.planning import KeyPlanner, Planned, Refused, Skipped, identity, plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from v7s3.items.objects import StorageObject
    from v7s3.items.planning import Plan, PlanOptions

    Check = Callable[[Iterable[StorageObject | Refused]], Iterator[StorageObject | Refused]]


_LONGEST = 40  # characters of nonsense that are repeated


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` parts of a whole; a key is always in the same one, whatever else the bucket holds."""

    number: int = 1  # from 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> Shard:
        """ "3/16". Raises UsageError."""
        match = re.fullmatch(r"(\d{1,9})/(\d{1,9})", text)
        if match and 1 <= int(match[1]) <= int(match[2]):
            return cls(int(match[1]), int(match[2]))
        shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
        raise UsageError(f"--shard {shown!r} is no part of a whole", hint="the third of sixteen is 3/16")

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def has(self, key: str) -> bool:
        if self.count == 1:
            return True
        digest = blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()
        return int.from_bytes(digest) % self.count == self.number - 1

    def has_place(self, path: str, name: str) -> bool:
        """Whether an item belongs here, however its folder is written."""
        return self.has(identity("/" + path.strip("/"), name))

    def plan(
        self, objects: Iterable[StorageObject | Refused], options: PlanOptions, checked: Check = iter
    ) -> Iterator[Plan]:
        """As planning.plan, of this part alone; `checked` is what its objects go through first.

        An object's place tells whose it is, so that what is of other parts is neither checked nor planned: of sixteen
        parts those are fifteen. Only to find the first `limit` of the whole, all of it is.
        """
        if self.count == 1 or options.limit is not None:
            return self.of(plan(checked(objects), options))
        place = KeyPlanner(options).place
        return plan(checked(one for one in objects if self._has_object(one, place)), options)

    def _has_object(self, one: StorageObject | Refused, place: Callable[[str], tuple[str, str]]) -> bool:
        return self._has_plan(one) if isinstance(one, Refused) else self.has_place(*place(one.key))

    def of(self, plans: Iterable[Plan]) -> Iterator[Plan]:
        """The plans of this part. An item goes by its place in the dataset, because a group may get more objects."""
        return iter(plans) if self.count == 1 else (one for one in plans if self._has_plan(one))

    def _has_plan(self, one: Plan) -> bool:
        if isinstance(one, Planned):
            return self.has_place(one.item.path, one.item.name)
        if isinstance(one, Skipped):
            return self.has(one.key)
        return self.has(one.keys[0] if one.keys else str(one.line))
