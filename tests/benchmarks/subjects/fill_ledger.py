"""Write a ledger in which every key of a bucket is registered.   fill_ledger.py FILE DARWIN BUCKET"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fake_s3 import bucket

from v7s3.items.ledger import Ledger, Target
from v7s3.items.outcome import Outcome

file, darwin, name = sys.argv[1:]
keys = bucket(name)
with Ledger(Path(file), Target(darwin, "team", "bench")) as ledger:
    ledger.begin_run("benchmark")
    for page in range(0, len(keys), 1000):
        outcomes = []
        for i in range(page, min(page + 1000, len(keys))):
            folder, _, last = keys[i].rpartition("/")
            item_id = f"018f0000-0000-7000-8000-{i:012x}"
            outcomes.append(Outcome("registered", (keys[i],), (f"{i:032x}",), f"/{folder}", last, item_id=item_id))
        ledger.settle("store", outcomes)
    ledger.finish_run()
