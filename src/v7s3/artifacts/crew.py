"""Tasks through a pool whose workers may die: nothing is lost but the task that kills them.

A dead process breaks a whole `ProcessPoolExecutor`, and nobody knows which task it was. So all tasks that were under
way are done again, one at a time; one that kills its worker again is given up. Dask starts a task that lost its worker
again by itself, and reports one that lost several (`KilledWorker`).
"""

from __future__ import annotations

import os
import signal
from collections import deque
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from threading import Thread
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeVar

from v7s3.artifacts.making import Result, Task, Unmade, Workshop, make_batch
from v7s3.concurrency import map_bounded
from v7s3.errors import ServiceError, UsageError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator

S = TypeVar("S")
S_co = TypeVar("S_co", covariant=True)

ExecutorKind = Literal["processes", "threads", "dask"]
_DASK_PATIENCE = 10  # seconds for the scheduler to answer


@dataclass(frozen=True, slots=True)
class Settled(Generic[S_co]):
    """Among batches: something that no worker is needed for, and that is yielded when its turn comes."""

    result: S_co


class Pool(NamedTuple):
    executor: Executor
    window: int  # batches drawn ahead of the results that were taken
    broken: tuple[type[BaseException], ...]  # what a future raises when its worker died


@dataclass(frozen=True, slots=True)
class Crew:
    """Who does the work. `workers` is the number of processes or threads; a dask cluster has its own."""

    kind: ExecutorKind = "processes"
    workers: int = 1
    scheduler: str = ""  # of dask: "tcp://10.0.0.1:8786"

    def map(
        self, workshop: Workshop, batches: Iterable[tuple[Task, ...] | Settled[S]], stop: threading.Event
    ) -> Iterator[Result | S]:
        """A result for each task, in the order in which they finish; fewer only when `stop` is set.

        Raises what `batches` raises, and ServiceError when dask's scheduler cannot be reached.
        """
        source = iter(batches)
        function: Callable[[Any], list[Any]] = partial(make_batch, workshop)
        is_over = False
        while not is_over:
            under_way: dict[str, Task] = {}
            with self._open(self.workers) as pool:
                try:
                    drawn = _noted(source, under_way)
                    for results in map_bounded(_Desk(pool.executor), function, drawn, pool.window, stop):
                        for result in results:
                            if isinstance(result, Result):
                                under_way.pop(result.key, None)  # not there when it was settled before
                            yield result
                    is_over = True
                except pool.broken:
                    pass
            if not stop.is_set():  # else what was cancelled is what is left
                yield from self._one_by_one(workshop, under_way.values(), stop)

    def _one_by_one(self, workshop: Workshop, tasks: Iterable[Task], stop: threading.Event) -> Iterator[Result]:
        left = deque(tasks)
        while left and not stop.is_set():
            with self._open(1) as pool:
                while left and not stop.is_set():
                    task = left.popleft()
                    try:
                        yield from pool.executor.submit(make_batch, workshop, (task,)).result()
                    except pool.broken:
                        reason = "a worker died on it, and another when it was tried alone (out of memory?)"
                        yield Unmade(task.source.key, reason, task.source.size)
                        break

    @contextmanager
    def _open(self, workers: int) -> Iterator[Pool]:
        if self.kind == "dask":
            with _dask(self.scheduler) as pool:
                yield pool
            return
        executor: Executor
        if self.kind == "threads":
            executor = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
        else:
            # Not "fork": the threads of this process hold locks that a copy would never see released.
            executor = ProcessPoolExecutor(workers, get_context("spawn"), initializer=_serve_the_parent)
        try:
            yield Pool(executor, 2 * workers, (BrokenExecutor,))
        finally:
            executor.shutdown(wait=True, cancel_futures=True)


class _Desk(Executor):
    """Gives batches to the pool, and results that are settled back at once."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        (batch,) = arguments
        if not isinstance(batch, Settled):
            return self._pool.submit(function, batch)
        future: Future[list[Any]] = Future()
        future.set_result([batch.result])
        return future


def _noted(
    batches: Iterator[tuple[Task, ...] | Settled[S]], under_way: dict[str, Task]
) -> Iterator[tuple[Task, ...] | Settled[S]]:
    for batch in batches:
        if not isinstance(batch, Settled):
            under_way.update((task.source.key, task) for task in batch)
        yield batch


def _serve_the_parent() -> None:
    """Ctrl-C reaches all processes of a terminal; the one that gives out work decides what becomes of it. When that one
    is killed, its workers go too: their queue would keep them waiting for ever."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is not None:
        Thread(target=_end_with, args=(parent.sentinel,), name="end-with-parent", daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(1)


@contextmanager
def _dask(address: str) -> Iterator[Pool]:
    try:
        from distributed import Client  # noqa: PLC0415  # an extra, and slow to load
        from distributed.scheduler import KilledWorker  # noqa: PLC0415  # as above
    except ImportError as error:
        raise UsageError("--executor dask needs dask", hint="pip install 'v7s3[dask]'") from error
    try:
        client = Client(address, timeout=_DASK_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise ServiceError(
            f"dask's scheduler cannot be reached at {address}: {error}", hint="check --dask-scheduler, then run again"
        ) from error
    with client:
        threads = sum(client.nthreads().values()) or 1
        # pure=False: else dask takes a second attempt for the first and hands out its old failure
        yield Pool(client.get_executor(pure=False), 2 * threads, (KilledWorker, CancelledError))
