"""What `v7s3 drift` says: counts, a few keys of each verdict, and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from v7s3.cli.register_summary import counted
from v7s3.items.comparison import DRIFT, REPLACED, VERDICTS
from v7s3.render import one_line

if TYPE_CHECKING:
    from v7s3.cli.compare import Views
    from v7s3.items.comparison import DriftTally, Verdict

_NEXT: dict[Verdict, str] = {
    "+": "`v7s3 register` sends what was never registered; what V7 deleted only after `v7s3 ledger forget`",
    "-": "V7 cannot show these any more: upload them again, or delete the items in V7",
    "*": "V7 shows what it read then: delete the items in V7, `v7s3 ledger forget` the keys, register them again",
    "o": "`v7s3 ledger rebuild` takes them into this ledger, when they are of these keys; where it has another item "
    "on record, only after `v7s3 ledger forget`",
}


def text(views: Views, tally: DriftTally, *, verbose: bool, quiet: bool = False) -> str:
    """For people; with `quiet` without what is in order."""
    counts = tally.counts
    lines = [f"{views.source} ↔ {views.team}/{views.dataset} (storage {views.storage})"]
    for verdict, words in VERDICTS.items():
        if not counts[verdict] or (quiet and verdict == "="):
            continue
        some = ", ".join(tally.examples[verdict]) + (" …" if counts[verdict] > len(tally.examples[verdict]) else "")
        shown = f"   ({some})" if verdict in DRIFT or verbose else ""
        lines.append(f"  {verdict} {counts[verdict]:,} {words}{shown}")
        if verdict == "+":
            lines += [f"      {count:,} {reason}" for reason, count in tally.reasons.most_common(5)]
        if verdict == "o" and tally.replaced:
            lines.append(f"      {tally.replaced:,} {REPLACED}")
        if verdict in _NEXT:
            lines.append(f"      next: {_NEXT[verdict]}")
    for left_out, word in ((tally.skipped, "left out"), (tally.refused, "that cannot be registered")):
        if left_out:
            ranked = ", ".join(f"{count:,} {reason}" for reason, count in left_out.most_common())
            lines.append(f"  {counted(left_out.total(), 'object')} {word}: {ranked}")
    in_step = "no drift" if tally.listed else "nothing was compared: the source holds nothing"
    lines.append("drift was found" if tally.drifted else in_step)
    return "\n".join(map(one_line, lines))


def document(views: Views, tally: DriftTally) -> dict[str, Any]:
    return {
        "source": views.source,
        "team": views.team,
        "dataset": views.dataset,
        "storage": views.storage,
        "listed": tally.listed,
        "drift": bool(tally.exit_code()),
        "verdicts": [
            {
                "verdict": verdict,
                "meaning": words,
                "count": tally.counts[verdict],
                "examples": tally.examples.get(verdict, []),
                "hint": _NEXT.get(verdict, ""),
            }
            for verdict, words in VERDICTS.items()
        ],
        "reasons": dict(tally.reasons.most_common()),
        "replaced": tally.replaced,
        "skipped": dict(tally.skipped.most_common()),
        "refused": dict(tally.refused.most_common()),
    }
