"""What a run came to, counted as it goes: the summary, the report lines and the hints come from here."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from v7s3.items.outcome import DONE, STATES, Outcome, State

if TYPE_CHECKING:
    from v7s3.items.ledger import Standing

_EXAMPLES = 3  # keys named for each reason; the report file names all
_MOST_REASONS = 1000  # distinct reasons kept apart, so that a reason with a key in it cannot fill the memory

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


@dataclass(frozen=True, slots=True)
class ReasonCount:
    """One line of the summary: so many items ended so, for this reason."""

    state: State
    reason: str
    count: int
    examples: tuple[str, ...]
    hint: str


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
    limit_reached: bool = False
    exhausted: bool = False  # the source came to its end, so `planned` is the whole number
    skipped: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[State] = field(default_factory=Counter)  # of this run
    earlier: Counter[State] = field(default_factory=Counter)  # keys settled by earlier runs, not sent
    changed: int = 0  # keys settled earlier whose ETag is another now; not sent either
    changed_examples: list[str] = field(default_factory=list)
    _reasons: dict[tuple[State, str], tuple[int, tuple[str, ...], str]] = field(default_factory=dict)

    def add(self, outcome: Outcome, hint: str = "") -> None:
        """Count an outcome of this run. `hint` is the next step, where more is known of it than the reason says."""
        self.outcomes[outcome.state] += 1
        if outcome.state not in DONE:
            self._remember(outcome.state, outcome.reason, outcome.keys[0] if outcome.keys else outcome.name, hint)

    def add_earlier(self, key: str, etag: str, standing: Standing) -> None:
        """Count a key that an earlier run settled. `etag` is today's, "" when the source does not tell."""
        self.earlier[standing.state] += 1
        if etag and standing.etag and etag != standing.etag:
            self.changed += 1
            if len(self.changed_examples) < _EXAMPLES:
                self.changed_examples.append(key)
        if standing.state not in DONE:
            self._remember(standing.state, standing.reason, key)

    def _remember(self, state: State, reason: str, example: str, hint: str = "") -> None:
        place = (state, reason)
        if place not in self._reasons and len(self._reasons) >= _MOST_REASONS:
            place, hint = (state, "other reasons (see the report)"), ""
        count, examples, first = self._reasons.get(place, (0, (), hint or hint_for(*place)))
        self._reasons[place] = (count + 1, (*examples, example) if len(examples) < _EXAMPLES else examples, first)

    @property
    def settled(self) -> int:
        """Items of this run that have an outcome."""
        return self.outcomes.total()

    @property
    def kept(self) -> int:
        return self.planned + self.earlier.total()

    def reasons(self) -> list[ReasonCount]:
        """Why items are not in V7, most frequent first."""
        counted = [
            ReasonCount(state, reason, count, examples, hint)
            for (state, reason), (count, examples, hint) in self._reasons.items()
        ]
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
        line["hint"] = hint_for(outcome.state, outcome.reason)
    if outcome.item_id:
        line["item_id"] = outcome.item_id
    if earlier:
        line["earlier"] = True
    return json.dumps(line, ensure_ascii=False)
