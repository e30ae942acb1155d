"""What a run came to, counted as it goes: the summary, the report lines and the hints come from here."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from v7s3.items.outcome import DONE, STATES, Outcome, State

if TYPE_CHECKING:
    from v7s3.items.ledger import Standing

_EXAMPLES = 3  # keys named for each kind of reason; the report file names all
_MOST_KINDS = 1000  # kept apart, so that words of V7 with a key in them cannot fill the memory
_OTHER = "other reasons (see the report)"

# V7's words (v7-facts §6) and what to do about each.
_HINTS: dict[str, str] = {
    "ALREADY_EXISTS": "another object holds this name at this path: use --path, or keep the folders",
    "UNKNOWN_TAGS": "make a tag class of this name in V7 (Classes), or leave the tag out; then --retry-failed",
    "ITEM_COUNT_LIMIT_EXCEEDED": "the plan's item limit is reached: free items or ask V7; then --retry-failed",
    "FILE_UPLOAD_TIMEOUT": "V7 could not fetch the object in time; then --retry-failed",
    "FILE_UPLOAD_FAILED": "V7 could not fetch the object: `v7s3 doctor` finds out why; then --retry-failed",
    "UNEXPECTED_ERROR": "V7's own fault: --retry-failed later, then ask support@v7labs.com",
    "V7's answer does not mention this item": "run the same command again: it is sent once more",
}
_HINT_BY_STATE: dict[State, str] = {
    "blocked": "mend what V7 names, then run again with --retry-failed",
    "refused": "mend the item, then run again with --retry-failed",
    "failed": "run the same command again: failed items are sent once more",
}
MEND = "mend it and run the same command again"  # for a refusal of ours, which every run looks at anew


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """One line of the summary: so many items ended so, for reasons of one kind.

    `reason` is the reason itself when all have the same; else a word for its kind, and `details` has the first of them.
    """

    state: State
    reason: str
    count: int
    examples: tuple[str, ...]  # keys
    hint: str
    details: tuple[str, ...] = ()


@dataclass(slots=True)
class _Kind:
    """The reasons of one kind, and the first few that differ."""

    hint: str
    count: int = 0
    reasons: list[str] = field(default_factory=list)
    examples: list[str] = field(default_factory=list)

    def add(self, reason: str, example: str) -> None:
        self.count += 1
        if len(self.reasons) < _EXAMPLES and reason not in self.reasons:
            self.reasons.append(reason)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(example)


def _kind_of(reason: str) -> str:
    """V7's own word for a reason ("ALREADY_EXISTS: the name is taken by …"); without one the reason itself."""
    word, colon, _ = reason.partition(":")
    return word if colon and word.isupper() else reason


def hint_for(state: State, reason: str) -> str:
    """The next step for a reason of V7 or of ours; "" for what needs none."""
    if state in DONE:
        return ""
    word = reason.partition(":")[0].partition(",")[0].strip()
    return _HINTS.get(word) or _HINTS.get(reason) or _HINT_BY_STATE[state]


@dataclass
class Tally:
    """Counters of one run. Written by the run's own thread, read by the progress display."""

    listed: int = 0  # objects or rows the source gave
    planned: int = 0  # items that were to be sent
    exhausted: bool = False  # the source came to its end, so `planned` is the whole number
    skipped: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[State] = field(default_factory=Counter)  # of this run
    earlier: Counter[State] = field(default_factory=Counter)  # keys settled by earlier runs, not sent
    changed: int = 0  # keys settled earlier whose ETag is another now; not sent either
    changed_examples: list[str] = field(default_factory=list)
    _kinds: dict[tuple[State, str], _Kind] = field(default_factory=dict)

    def add(self, *outcomes: Outcome, kind: str = "", hint: str = "") -> None:
        """Count outcomes of this run. `kind` is a word for reasons like theirs, `hint` the next step, where more is
        known of them than the reason says."""
        self.outcomes.update([outcome.state for outcome in outcomes])
        for outcome in outcomes:
            if outcome.state not in DONE:
                example = outcome.keys[0] if outcome.keys else outcome.name
                self._remember(outcome.state, outcome.reason, example, kind, hint)

    def add_earlier(self, key: str, etag: str, standing: Standing) -> None:
        """Count a key that an earlier run settled. `etag` is today's, "" when the source does not tell."""
        self.earlier[standing.state] += 1
        if etag and standing.etag and etag != standing.etag:
            self.changed += 1
            if len(self.changed_examples) < _EXAMPLES:
                self.changed_examples.append(key)
        if standing.state not in DONE:
            self._remember(standing.state, standing.reason, key)

    def _remember(self, state: State, reason: str, example: str, kind: str = "", hint: str = "") -> None:
        place = (state, kind or _kind_of(reason))
        if place not in self._kinds:
            if len(self._kinds) >= _MOST_KINDS:
                place, reason, hint = (state, _OTHER), _OTHER, ""
            self._kinds.setdefault(place, _Kind(hint or hint_for(*place)))
        self._kinds[place].add(reason, example)

    @property
    def settled(self) -> int:
        """Items of this run that have an outcome."""
        return self.outcomes.total()

    @property
    def kept(self) -> int:
        return self.planned + self.earlier.total()

    def reasons(self) -> list[ReasonCount]:
        """Why items are not in V7, most frequent first."""
        counted = []
        for (state, word), kind in self._kinds.items():
            reason, *others = kind.reasons
            details = (reason, *others) if others else ()
            reason = word if others else reason
            counted.append(ReasonCount(state, reason, kind.count, tuple(kind.examples), kind.hint, details))
        return sorted(counted, key=lambda line: (-line.count, STATES.index(line.state), line.reason))

    def exit_code(self) -> int:
        """0 when every item is in V7, 5 when some are not; those that earlier runs left behind count too."""
        return 5 if any(state not in DONE and count for state, count in (self.outcomes + self.earlier).items()) else 0


def report_line(outcome: Outcome, *, earlier: bool = False) -> str:
    """One line of `--report`: JSON, without the newline."""
    line: dict[str, Any] = {
        "state": outcome.state,
        "storage_keys": list(outcome.keys),
        "path": outcome.path,
        "name": outcome.name,
    }
    if outcome.reason:
        line["reason"] = outcome.reason
        is_ours = outcome.state == "refused" and not outcome.path  # it never had a place in the dataset
        line["hint"] = MEND if is_ours else hint_for(outcome.state, outcome.reason)
    if outcome.item_id:
        line["item_id"] = outcome.item_id
    if earlier:
        line["earlier"] = True
    return json.dumps(line, ensure_ascii=False)
