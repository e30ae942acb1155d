"""What `v7s3 prepare` says at its end, as text for people and as one JSON document for scripts."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from v7s3.artifacts.prepare import Tally
from v7s3.cli.progress import duration, size_in_words
from v7s3.cli.register_summary import counted
from v7s3.items.planning import summary as kept_and_skipped
from v7s3.render import one_line

if TYPE_CHECKING:
    from pathlib import Path

_EXAMPLES = 5  # keys named for each reason
_REASONS = 20  # kinds of reasons told apart


@dataclass(slots=True)
class Reasons:
    """Why objects have no artifacts, or what is to be known of those that have: how many, and a few keys for each."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)

    def add(self, reason: str, key: str) -> None:
        if reason not in self.counts and len(self.counts) >= _REASONS:
            reason = "others (--report has them)"
        self.counts[reason] += 1
        keys = self.examples.setdefault(reason, [])
        if len(keys) < _EXAMPLES:
            keys.append(key)

    def lines(self) -> list[str]:
        found = []
        for reason, count in self.counts.most_common():
            keys = self.examples[reason]
            more = f" (+{count - len(keys):,} more)" if count > len(keys) else ""
            found += [f"  {count:,} × {reason}", f"      {', '.join(keys)}{more}"]
        return found

    def documents(self) -> list[dict[str, Any]]:
        return [
            {"reason": reason, "count": count, "storage_keys": self.examples[reason]}
            for reason, count in self.counts.most_common()
        ]


@dataclass(slots=True)
class Counts:
    """What a listing announced, and what the run that followed found out."""

    tally: Tally = field(default_factory=Tally)
    are_complete: bool = False
    refusals: Reasons = field(default_factory=Reasons)
    notes: Reasons = field(default_factory=Reasons)


@dataclass(frozen=True, slots=True)
class Summary:
    source: str
    prefix: str
    items: str  # where the items are
    tally: Tally
    counts: Counts
    seconds: float
    report: Path | None

    def text(self) -> str:
        tally = self.tally
        kept = kept_and_skipped(tally.kinds.total() + self._without_schema(), tally.skipped)
        lines = [
            f"{self.source} → {self.prefix}",
            kept,
            f"{tally.made:,} made · {tally.present:,} present · {tally.refused:,} refused",
            *self.counts.refusals.lines(),
            *(["good to know:"] if self.counts.notes.counts else []),
            *self.counts.notes.lines(),
            f"read {size_in_words(tally.bytes_read)}, wrote {size_in_words(tally.bytes_written)} "
            f"in {duration(self.seconds)}" + (f" · report {self.report}" if self.report else ""),
            f"{counted(tally.made + tally.present, 'item')} in {self.items}",
        ]
        if tally.made + tally.present and not self.items.endswith(".partial"):
            name = "-" if self.items == "standard output" else self.items
            lines.append(f"next: v7s3 register --items {name} --team … --dataset … --storage …")
        return "\n".join(map(one_line, lines))

    def document(self) -> dict[str, Any]:
        tally = self.tally
        return {
            "source": self.source,
            "artifacts_prefix": self.prefix,
            "items": self.items,
            "kinds": dict(tally.kinds),
            "skipped": {"total": tally.skipped.total(), "reasons": dict(tally.skipped.most_common())},
            "outcomes": {"made": tally.made, "present": tally.present, "refused": tally.refused},
            "refusals": self.counts.refusals.documents(),
            "notes": self.counts.notes.documents(),
            "bytes_read": tally.bytes_read,
            "bytes_written": tally.bytes_written,
            "seconds": round(self.seconds, 3),
            "report": str(self.report or ""),
        }

    def _without_schema(self) -> int:
        """Refused before a worker saw them: kept by the filters all the same."""
        return max(0, self.tally.settled - self.tally.kinds.total())
