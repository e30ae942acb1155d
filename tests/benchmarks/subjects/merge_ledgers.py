"""Read the ledgers of all shards and write one.   merge_ledgers.py HOME DARWIN"""

import json
import sys
import time
import zlib
from itertools import islice
from pathlib import Path

from v7s3.items.ledger import Ledger, Target
from v7s3.items.outcome import Outcome

home, darwin = Path(sys.argv[1]), sys.argv[2]
target = Target(darwin, "team", "bench")
checksum = 0
cpu = time.process_time()
with Ledger(home / "merged.sqlite", target) as merged:
    merged.begin_run("merge")
    for part in sorted(home.rglob("*-of-*.sqlite")):
        with Ledger(part, target, read_only=True) as ledger:
            rows = ledger.rows()
            while some := list(islice(rows, 1000)):
                checksum += sum(zlib.crc32(row.key.encode()) for row in some)
                merged.settle(
                    "store",
                    [
                        Outcome(one.state, (row.key,), (one.etag,), one.path, one.name, one.reason, one.item_id)
                        for row in some
                        for one in (row.standing,)
                    ],
                )
cpu = time.process_time() - cpu
print(json.dumps({"cpu": cpu, "checksum": checksum, "bytes": (home / "merged.sqlite").stat().st_size}))
