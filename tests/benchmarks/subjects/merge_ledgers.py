"""Make one ledger of those of all shards with `v7s3 ledger merge`.   merge_ledgers.py HOME DARWIN"""

import json
import sys
import time
import zlib
from pathlib import Path

from v7s3.cli.app import main
from v7s3.items.ledger import Ledger, Target

home, darwin = Path(sys.argv[1]), sys.argv[2]
merged = home / "merged.sqlite"
parts = sorted(str(path) for path in home.rglob("*-of-*.sqlite"))
of_dataset = ["--team", "team", "--dataset", "bench", "--darwin-url", darwin]
cpu = time.process_time()
code = main(["ledger", "merge", *parts, "--into", str(merged), *of_dataset, "-q"])
cpu = time.process_time() - cpu
if code:
    sys.exit(code)
with Ledger(merged, Target(darwin, "team", "bench"), read_only=True) as ledger:
    checksum = sum(zlib.crc32(row.key.encode()) for row in ledger.rows())
print(json.dumps({"cpu": cpu, "checksum": checksum, "bytes": merged.stat().st_size}))
