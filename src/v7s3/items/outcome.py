"""What became of one item: a small value that the ledger keeps, the report prints and the summary counts."""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

State = Literal["registered", "exists", "blocked", "refused", "failed"]
STATES: tuple[State, ...] = get_args(State)

# V7 has these, or had them before: they are never sent again.
DONE: frozenset[State] = frozenset({"registered", "exists"})
# V7 or v7s3 gave a verdict on the item itself; sending it again unchanged ends the same way, so only on demand.
JUDGED: frozenset[State] = frozenset({"blocked", "refused"})

# How the reason of a blocked item begins that may itself be what V7 has there: answers to it and to another were lost.
TAKEN_BY_IT_OR = "ALREADY_EXISTS: the name is taken by this key or by "


class Outcome(NamedTuple):
    """One item's fate in one run. An item of several slots has one outcome and several keys."""

    state: State
    keys: tuple[str, ...]  # storage keys, byte-exact; () for an item whose keys could not even be read
    etags: tuple[str, ...]  # as listed, "" where unknown; one for each key
    path: str
    name: str
    reason: str = ""  # V7's own word (UNKNOWN_TAGS) or our sentence; "" for what is registered
    item_id: str = ""  # V7's id, when its answer held one
