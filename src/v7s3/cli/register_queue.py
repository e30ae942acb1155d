"""`register --sqs`: objects as S3 announces them; a message is deleted once its keys are settled in the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from v7s3.cli.output import note
from v7s3.cli.register_checks import asked_key_check
from v7s3.cli.register_summary import counted
from v7s3.errors import UsageError
from v7s3.items.planning import Skipped, plan
from v7s3.s3 import AwsSettings
from v7s3.sqs import ObjectQueue, connect_queue

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator
    from contextlib import ExitStack

    from v7s3.cli.register_job import Destination, Job
    from v7s3.items.planning import Plan, PlanOptions
    from v7s3.items.run import Run

_IDLE = 10  # seconds of one request to a queue that has nothing; also how long Ctrl-C may have to wait


def open_queue(
    job: Job, destination: Destination, options: PlanOptions, stopping: threading.Event, stack: ExitStack
) -> Callable[[Run], Iterator[Iterator[Plan]]]:
    """The rounds of a queue: each is read, sent and settled before the next is asked for.

    Raises UsageError for options that need the whole bucket, or when it is not known which bucket it is.
    """
    if job.slots_by or job.limit is not None:
        option = "--slots-by" if job.slots_by else "--limit"
        raise UsageError(
            f"{option} cannot be used with --sqs: a queue tells of one object at a time",
            hint="register s3://BUCKET/PREFIX every night instead" if job.slots_by else "leave --limit out",
        )
    if not destination.bucket:
        raise UsageError("--sqs: which bucket?", hint="leave out --access, then V7 is asked")
    client = connect_queue(AwsSettings(job.profile, job.region, job.endpoint_url), job.sqs)
    queue = stack.enter_context(ObjectQueue(client, job.sqs, destination.bucket, say=_say_at_once))
    check = asked_key_check(job, destination, stopping)

    def rounds(run: Run) -> Iterator[Iterator[Plan]]:
        for objects in queue.rounds(drain=job.drain or job.dry_run, wait=_IDLE, stop=stopping):
            skipped: list[str] = []
            unsettled = run.unsettled_objects([objects])
            try:
                yield _noting_skipped(plan(check.objects(unsettled) if check else unsettled, options), skipped)
            finally:  # also when the run ends early: what is settled by then is settled
                if not job.dry_run:
                    queue.settle([*skipped, *run.final_keys([one.key for one in objects])])
        for reason, count in queue.left.items():
            note(f"warning: {counted(count, 'message')} stayed in the queue: {reason}")

    return rounds


def _say_at_once(reason: str) -> None:
    """A listener may not end for weeks."""
    note(f"warning: what is not of S3 and this bucket stays in the queue; the first message: {reason}")


def _noting_skipped(plans: Iterable[Plan], keys: list[str]) -> Iterator[Plan]:
    for one in plans:
        if isinstance(one, Skipped):
            keys.append(one.key)
        yield one
