"""One request: what is kept of its items until V7 answers, and what the answer makes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from unicodedata import normalize

from v7s3.items.outcome import Outcome, State
from v7s3.items.payload import AnsweredItem, RegisterRequest, halves

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Self

    from v7s3.items.objects import StorageObject
    from v7s3.items.payload import BlockedItem, RegisterResponse
    from v7s3.items.planning import Planned

    Place = tuple[str | None, str]  # path and name; an answer may have no path

ItemT = TypeVar("ItemT", bound=AnsweredItem)
_NOT_MENTIONED = "V7's answer does not mention this item"


@dataclass(frozen=True, slots=True)
class Batch:
    """The body of a request, and of each item in it, in its order, the place and the objects it is made of.

    The items themselves are let go of: with the hundreds that are under way at a time, a processor's cache is full.
    """

    body: bytes
    places: Sequence[tuple[str, str]]
    objects: Sequence[tuple[StorageObject, ...]]

    @classmethod
    def of(cls, planned: Sequence[Planned], *, dataset_slug: str, storage_slug: str) -> Self:
        items = [one.item for one in planned]
        request = RegisterRequest(items=items, dataset_slug=dataset_slug, storage_slug=storage_slug)
        return cls(request.to_json(), [(item.path, item.name) for item in items], [one.objects for one in planned])

    def __len__(self) -> int:
        return len(self.places)

    def halves(self) -> tuple[Self, Self]:
        """Two requests in place of this one, which has at least two items."""
        middle = len(self) // 2
        first, second = halves(self.body, middle)
        cls = type(self)
        return (
            cls(first, self.places[:middle], self.objects[:middle]),
            cls(second, self.places[middle:], self.objects[middle:]),
        )

    def all_are(self, state: State, reason: str) -> list[Outcome]:
        """The same outcome for each item."""
        pairs = zip(self.places, self.objects, strict=True)
        return [_outcome(place, objects, state, reason) for place, objects in pairs]

    def outcomes(self, response: RegisterResponse) -> list[Outcome]:
        """One outcome for each item, as the body of the answer has it.

        Items are recognised by path and name, which V7 echoes (v7-facts §6), be it in another of Unicode's normal
        forms or without the path. A blocked item may give a reason in each of its slots; it exists already only when
        all of them say so.
        """
        registered, blocked = _by_place(response.items), _by_place(response.blocked_items)
        outcomes = self._outcomes(registered, blocked)
        understood = len(registered) + len(blocked) == len(outcomes) and all(one.state != "failed" for one in outcomes)
        if understood or not (sent := self._spelled_as_sent({*registered, *blocked})):
            return outcomes
        registered = {sent.get(place, place): item for place, item in registered.items()}
        blocked = {sent.get(place, place): item for place, item in blocked.items()}
        return self._outcomes(registered, blocked)

    def _outcomes(
        self, registered: Mapping[Place, AnsweredItem], blocked: Mapping[Place, BlockedItem]
    ) -> list[Outcome]:
        outcomes = []
        for place, objects in zip(self.places, self.objects, strict=True):
            if refusal := blocked.get(place):
                outcomes.append(_blocked(place, objects, refusal))
            elif success := registered.get(place):
                outcomes.append(_outcome(place, objects, "registered", "", success.id or ""))
            else:
                outcomes.append(_outcome(place, objects, "failed", _NOT_MENTIONED))
        return outcomes

    def _spelled_as_sent(self, answered: set[Place]) -> dict[Place, Place]:
        """The answer's places that are the request's, only without a path or in another of Unicode's normal forms;
        none that could be two."""
        sent: set[Place] = set(self.places)
        unknown, names = answered - sent, Counter(name for _, name in self.places)
        spelled: dict[Place, Place] = {
            (None, name): (path, name) for path, name in self.places if (None, name) in unknown and names[name] == 1
        }
        for place in sent - answered - set(spelled.values()):
            form = _normal_form(place)
            alike = [other for other in unknown if other[0] is not None and _normal_form(other) == form]
            if len(alike) == 1 and sum(_normal_form(other) == form for other in self.places) == 1:
                spelled[alike[0]] = place
        return spelled


def _by_place(items: Iterable[ItemT]) -> dict[Place, ItemT]:
    """The items by path and name, as the model normalises them; path None where the answer has none."""
    return {(item.path, item.name): item for item in items}


def _normal_form(place: Place) -> Place:
    path, name = place
    return normalize("NFC", path or ""), normalize("NFC", name)


def _blocked(place: tuple[str, str], objects: Sequence[StorageObject], answer: BlockedItem) -> Outcome:
    if {reason.upper() for reason in answer.reasons} == {"ALREADY_EXISTS"}:
        # Its id is not kept: whether that is the item that exists, or one that was not made, V7 does not document.
        return _outcome(place, objects, "exists")
    return _outcome(place, objects, "blocked", ", ".join(answer.reasons))


def _outcome(
    place: tuple[str, str], objects: Sequence[StorageObject], state: State, reason: str = "", item_id: str = ""
) -> Outcome:
    path, name = place
    if len(objects) == 1:  # nearly always, and then in half the time
        (found,) = objects
        return Outcome(state, (found.key,), (found.etag,), path, name, reason, item_id)
    keys = tuple([found.key for found in objects])
    etags = tuple([found.etag for found in objects])
    return Outcome(state, keys, etags, path, name, reason, item_id)
