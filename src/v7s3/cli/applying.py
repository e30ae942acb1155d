"""How `policy apply` and `cors apply` speak with the person: the diff, the backup, the question, the result."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TextIO

import typer

from v7s3.apply import Plan, Store, carry_out, save_backup
from v7s3.cli.output import note, note_text, result, use_colour
from v7s3.cli.paths import backup_directory
from v7s3.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = {"+": "32", "-": "31"}


class Applied(NamedTuple):
    """What became of a plan. `backup` is set when it was written, or about to be."""

    plan: Plan
    outcome: Literal["unchanged", "dry-run", "written"]
    backup: Path | None = None

    def document(self) -> dict[str, Any]:
        """The published JSON of `apply`."""
        return {
            "bucket": self.plan.bucket,
            "outcome": self.outcome,
            "backup": str(self.backup) if self.backup else None,
            "before": self.plan.before,
            "after": self.plan.after,
            "diff": self.plan.diff(),
        }


def settle(plan: Plan, store: Store, *, yes: bool, dry_run: bool, as_json: bool) -> Applied:
    """Show the plan, back up, ask, write and read back. With `as_json` stdout is left to the caller.

    Raises what `save_backup` and `carry_out` raise, UsageError when there is nobody to ask, and typer.Abort when the
    answer is no.
    """
    if not plan.changes:
        if not as_json:
            result(f"The {plan.name} is as it should be; nothing to do.")
        return Applied(plan, "unchanged")
    if not as_json:
        result(_coloured(plan.diff(), sys.stdout))
    if dry_run:
        if not as_json:
            result("Dry run: nothing was written.")
        return Applied(plan, "dry-run")
    if not yes and not sys.stdin.isatty():
        raise UsageError(
            f"the {plan.name} would change, and there is no terminal to ask on",
            hint="`--yes` writes without asking, `--dry-run` only shows the difference",
        )
    if as_json and not yes:
        note_text(_coloured(plan.diff(), sys.stderr))  # nobody says yes to what was not shown
    backup = save_backup(plan, backup_directory(), datetime.now(UTC))
    note(f"backup: {backup}")
    if not yes and not typer.confirm(f"Write the {plan.name}?", err=True):
        note("nothing was written")
        raise typer.Abort
    carry_out(plan, store, backup)
    if not as_json:
        result(f"Written and read back: the {plan.name}.")
    return Applied(plan, "written", backup)


def _coloured(diff: str, stream: TextIO) -> str:
    if not use_colour(stream):
        return diff
    lines = []
    for line in diff.splitlines():
        code = _COLOURS.get(line[:1])
        lines.append(f"\x1b[{code}m{line}\x1b[0m" if code else line)
    return "\n".join(lines)
