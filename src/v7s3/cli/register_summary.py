"""What a run of `register` says at its end, as text for people and as one JSON document for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from v7s3.cli.progress import duration
from v7s3.items.outcome import STATES
from v7s3.items.planning import HINTS, UNSUPPORTED, summary
from v7s3.render import one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from v7s3.items.planning import Planned
    from v7s3.items.tally import ReasonCount, Tally


@dataclass(frozen=True, slots=True)
class Summary:
    """A run that has ended, in whatever way."""

    source: str
    team: str
    dataset: str
    storage: str
    access: str
    tally: Tally
    seconds: float
    requests: int
    ledger: str  # "" when nothing was remembered
    report: str  # "" when none was written

    def text(self, *, verbose: bool) -> str:
        tally = self.tally
        lines = [
            f"{self.source} → {self.team}/{self.dataset} (storage {self.storage}, {self.access})",
            kept_line(tally),
            self._outcomes(),
        ]
        if tally.changed:
            lines.append(f"{tally.changed:,} changed since they were registered: {', '.join(tally.changed_examples)} …")
            lines.append(
                "  next: V7 still shows what it read then; to register them anew, delete the items in V7 and "
                "`v7s3 ledger forget` the keys"
            )
        lines += _reason_lines(tally.reasons())
        lines += _skip_hints(tally, verbose=verbose)
        places = [f"report {self.report}" if self.report else "", f"ledger {self.ledger}" if self.ledger else ""]
        lines.append(
            " · ".join([f"{counted(self.requests, 'request')} in {duration(self.seconds)}", *filter(None, places)])
        )
        return "\n".join(map(one_line, lines))

    def _outcomes(self) -> str:
        tally = self.tally
        line = " · ".join(f"{tally.outcomes[state]:,} {state}" for state in STATES)
        if tally.earlier:
            earlier = ", ".join(f"{count:,} {state}" for state, count in sorted(tally.earlier.items()))
            line += f"   (settled by earlier runs: {earlier})"
        return line

    def document(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "source": self.source,
            "team": self.team,
            "dataset": self.dataset,
            "storage": self.storage,
            "access": self.access,
            "listed": tally.listed,
            "kept": tally.kept,
            "skipped": {"total": tally.skipped.total(), "reasons": dict(tally.skipped.most_common())},
            "outcomes": {state: tally.outcomes[state] for state in STATES},
            "earlier": {state: tally.earlier[state] for state in STATES},
            "changed": tally.changed,
            "reasons": [_reason(line) for line in tally.reasons()],
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "ledger": self.ledger,
            "report": self.report,
        }


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def kept_line(tally: Tally) -> str:
    """`listed 1,237: kept 1,204, skipped 33: 30 unsupported type, 3 folder markers`"""
    so_far = "" if tally.exhausted else " so far"
    return f"listed {tally.listed:,}{so_far}: {summary(tally.kept, tally.skipped)}"


def _skip_hints(tally: Tally, *, verbose: bool) -> list[str]:
    """What to do about skipped objects; that other files lie in a bucket is no news."""
    return [
        f"  {reason}: {HINTS[reason]}"
        for reason in tally.skipped
        if reason in HINTS and (verbose or reason != UNSUPPORTED)
    ]


def _reason_lines(reasons: Sequence[ReasonCount]) -> list[str]:
    lines = []
    for counted in reasons:
        line = f"  {counted.count:,} {counted.state}: {counted.reason}"
        if counted.details:
            lines += [line, *(f"    {detail}" for detail in counted.details)]
            lines += ["    …"] if counted.count > len(counted.details) else []
        else:
            more = " …" if counted.count > len(counted.examples) else ""
            lines.append(f"{line}   ({', '.join(counted.examples)}{more})")
        lines.append(f"    next: {counted.hint}")
    return lines


def _reason(counted: ReasonCount) -> dict[str, Any]:
    return {
        "state": counted.state,
        "reason": counted.reason,
        "count": counted.count,
        "examples": list(counted.examples),
        "details": list(counted.details),
        "hint": counted.hint,
    }


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What `--dry-run` found: nothing was sent."""

    source: str
    tally: Tally
    first: Sequence[Planned]
    batch_size: int
    per_minute: float  # 0: no limit

    @property
    def requests(self) -> int:
        return -(-self.tally.planned // self.batch_size)

    def text(self, *, verbose: bool) -> str:
        lines = [f"plan for {self.source} (dry run: nothing is sent)", kept_line(self.tally)]
        lines += [f"  + {_place(one)}  ←  {', '.join(found.key for found in one.objects)}" for one in self.first]
        if self.tally.planned > len(self.first):
            lines.append(f"  … and {self.tally.planned - len(self.first):,} more")
        lines += _reason_lines(self.tally.reasons())
        lines += _skip_hints(self.tally, verbose=verbose)
        earlier = f"; {self.tally.earlier.total():,} are settled already" if self.tally.earlier else ""
        time = (
            f", {duration(self.requests / self.per_minute * 60)} at {self.per_minute:g} a minute"
            if self.per_minute
            else ""
        )
        work = f"{counted(self.tally.planned, 'item')} in {counted(self.requests, 'request')}"
        lines.append(f"would register {work}{time}{earlier}")
        return "\n".join(map(one_line, lines))

    def document(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "dry_run": True,
            "source": self.source,
            "listed": tally.listed,
            "kept": tally.kept,
            "skipped": {"total": tally.skipped.total(), "reasons": dict(tally.skipped.most_common())},
            "would_register": tally.planned,
            "requests": self.requests,
            "earlier": {state: tally.earlier[state] for state in STATES},
            "reasons": [_reason(line) for line in tally.reasons()],
            "first": [{"path": one.item.path, "name": one.item.name} for one in self.first],
        }


def _place(one: Planned) -> str:
    return f"{one.item.path.rstrip('/')}/{one.item.name}"
