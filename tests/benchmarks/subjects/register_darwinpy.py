"""Register keys with darwin-py's own `register()`, in its own environment.

register_darwinpy.py URL COUNT WAITS     WAITS: 1, or less for shorter waits after a 429
"""

import contextlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path

url, count, waits = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
os.environ["DARWIN_RETRY_INITIAL_WAIT"] = f"{60 * waits:.0f}"  # read when darwin is imported
os.environ["DARWIN_RETRY_MAX_WAIT"] = f"{300 * waits:.0f}"

from darwin.client import Client  # noqa: E402  # as said above
from darwin.config import Config  # noqa: E402  # as said above
from darwin.dataset.remote_dataset_v2 import RemoteDatasetV2  # noqa: E402  # as said above
from darwin.datatypes import ObjectStore  # noqa: E402  # as said above

config = Config(path=None)
for name, value in {
    "global/api_endpoint": f"{url}/api/",
    "global/base_url": url,
    "global/default_team": "team",
    "teams/team/api_key": os.environ["V7_API_KEY"],
    "teams/team/datasets_dir": tempfile.gettempdir(),
}.items():
    config.put(name, value, save=False)
dataset = RemoteDatasetV2(
    client=Client(config, default_team="team"), team="team", name="bench", slug="bench", dataset_id=1
)
store = ObjectStore(name="store", prefix="", readonly=False, provider="aws", default=True, bucket="b", region="r")
keys = [f"photos/{i // 1000:06d}/IMG_{i:09d}.jpg" for i in range(count)]
cpu, wall = time.process_time(), time.perf_counter()
with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
    dataset.register(store, keys)
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"cpu": cpu, "wall": wall}))
