"""Workers that die: nothing is lost, and nobody is blamed but the task that kills them."""

from __future__ import annotations

import os
import signal
import threading
from multiprocessing import active_children

import pytest

from artifacts.pictures import saved, scene
from v7s3.artifacts.crew import Crew
from v7s3.artifacts.making import Made, Task, Unmade, Workshop
from v7s3.artifacts.prepare import as_items
from v7s3.errors import ServiceError
from v7s3.items.objects import StorageObject
from v7s3.items.planning import Skipped
from v7s3.s3 import AwsSettings
from v7s3.sandbox import SandboxS3

BUCKET = "acme-frames"
KEYS = [f"raw/{number}.jpg" for number in range(8)]


@pytest.fixture
def s3():
    with SandboxS3() as server:
        server.make_bucket(BUCKET)
        for key in KEYS:
            server.put(BUCKET, key, saved(scene(80, 60), "JPEG"))
        yield server
        assert server.errors == []


@pytest.fixture
def workshop(s3):
    return Workshop(AwsSettings(endpoint_url=s3.url, region="us-east-1"), BUCKET, "v7s3/")


class KillsWhoeverReadsIt:
    def __reduce__(self):
        return os._exit, (1,)


def tasks(s3, poisoned=()):
    for key in KEYS:
        answer = s3.client().head_object(Bucket=BUCKET, Key=key)
        source = StorageObject(key, answer["ContentLength"], answer["ETag"].strip('"'))
        tags = KillsWhoeverReadsIt() if key in poisoned else None
        yield Task("image", source, "/raw", key.rpartition("/")[2], tags)


def batches(s3, poisoned=()):
    return ((task,) for task in tasks(s3, poisoned))


def test_a_process_that_is_killed_costs_no_object(s3, workshop):
    made, killed = [], []
    for result in Crew("processes", 2).map(workshop, batches(s3), threading.Event()):
        made.append(result)
        if not killed:
            killed.append(active_children()[0].pid)
            os.kill(killed[0], signal.SIGKILL)
    assert sorted(result.key for result in made) == KEYS
    assert all(isinstance(result, Made) for result in made)


def test_only_the_object_that_kills_its_workers_is_refused(s3, workshop):
    results = list(Crew("processes", 2).map(workshop, batches(s3, {"raw/3.jpg"}), threading.Event()))
    assert sorted(result.key for result in results) == KEYS
    (refused,) = (result for result in results if isinstance(result, Unmade))
    assert refused.key == "raw/3.jpg"
    assert "a worker died on it" in refused.reason


def test_what_needs_no_worker_passes_as_it_comes(workshop):
    """Else a bucket of text files would wait in memory for its one picture."""
    drawn = []

    def plans():
        for number in range(1000):
            drawn.append(number)
            yield Skipped(f"{number}.txt", "unsupported type")

    results = as_items(plans(), workshop, Crew("threads", 1), batch=4, stop=threading.Event())
    assert next(results) == Skipped("0.txt", "unsupported type")
    assert len(drawn) == 1
    results.close()


def test_a_dask_scheduler_that_is_not_there_is_said(workshop):
    with pytest.raises(ServiceError, match=r"dask's scheduler cannot be reached at tcp://127\.0\.0\.1:1"):
        list(Crew("dask", scheduler="tcp://127.0.0.1:1").map(workshop, iter([]), threading.Event()))
