"""Which probe runs when: side by side, none before what it depends on, and none for ever."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

from v7s3.doctor.probe import Probe, examine
from v7s3.doctor.threads import DaemonThreads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from v7s3.report import Check

T = TypeVar("T")

PATIENCE = 30.0  # seconds for one probe; boto3 repeats a request that fails, which takes some of them
_WAKE = 0.25  # seconds between two looks at who is over time; also lets Ctrl-C through


@dataclass
class Round(Generic[T]):
    """One run of `probes`. `done` is called in the caller's thread with every check as soon as it is there."""

    probes: Sequence[Probe[T]]
    reads: T
    patience: float = PATIENCE
    done: Callable[[Check], None] = lambda _check: None
    side_by_side: bool = True
    _checks: dict[str, Check] = field(default_factory=dict, init=False)
    _behind: dict[str, str] = field(default_factory=dict, init=False)  # not asked -> what has to be mended first
    _running: dict[Future[Check], tuple[Probe[T], float]] = field(default_factory=dict, init=False)

    def run(self) -> tuple[Check, ...]:
        """The checks in the order of the probes. A dependency that is not among the probes counts as met."""
        waiting = list(self.probes)
        threads = DaemonThreads()
        while waiting or self._running:
            for probe in [each for each in waiting if self._may_start(each)]:
                if self._running and not self.side_by_side:
                    break
                waiting.remove(probe)
                obstacle = self._obstacle(probe)
                if obstacle:
                    self._behind[probe.ident] = obstacle
                    self._finish(probe, probe.check("skip", f"not asked: {obstacle} comes first"))
                else:
                    self._running[threads.submit(examine, probe, self.reads)] = (probe, time.monotonic())
            self._collect()
        return tuple(self._checks[probe.ident] for probe in self.probes)

    def _may_start(self, probe: Probe[T]) -> bool:
        present = {each.ident for each in self.probes}
        return all(ident in self._checks or ident not in present for ident in probe.after)

    def _obstacle(self, probe: Probe[T]) -> str:
        """The first dependency that failed, "" when none did. One that was itself not asked hands on its reason."""
        for ident in probe.after:
            if ident in self._behind:
                return self._behind[ident]
            if ident in self._checks and self._checks[ident].status in ("fail", "error"):
                return ident
        return ""

    def _collect(self) -> None:
        if not self._running:
            return
        finished, _ = wait(self._running, timeout=min(_WAKE, self.patience), return_when=FIRST_COMPLETED)
        for future in finished:
            probe, _ = self._running.pop(future)
            self._finish(probe, future.result())
        late = [each for each, (_, began) in self._running.items() if time.monotonic() - began > self.patience]
        for future in late:
            probe, _ = self._running.pop(future)
            self._finish(probe, probe.check("error", f"no answer within {self.patience:g} s"))

    def _finish(self, probe: Probe[T], check: Check) -> None:
        self._checks[probe.ident] = check
        self.done(check)
