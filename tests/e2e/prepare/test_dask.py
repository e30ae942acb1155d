"""`prepare` on a cluster: a real dask scheduler with two worker processes, one of which is killed on the way."""

from __future__ import annotations

import threading
import time

import pytest

from artifacts.bucket import BUCKET, artifacts, picture
from artifacts.cluster import cluster

KEYS = [f"raw/{number:02}.jpg" for number in range(16)]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # distributed leaves warnings of its own behind
def test_a_dask_worker_that_is_killed_costs_no_object(prepare, s3, items, tmp_path):
    for key in KEYS:
        s3.put(BUCKET, key, picture(80, 60))
    s3.faults.latency_ms = 100
    with cluster(tmp_path, s3.environment()) as (address, (first, _)):

        def kill() -> None:
            while not artifacts(s3):
                time.sleep(0.02)
            first.kill()

        killer = threading.Thread(target=kill, daemon=True)
        killer.start()
        code, out, err = prepare("s3://acme-frames/raw/", "--executor", "dask", "--dask-scheduler", address)
        killer.join()
        assert first.wait() != 0
    assert code == 0, err
    assert "· 0 refused" in out  # what the killed worker had put is present to the one that takes over
    assert sorted(items()) == KEYS
