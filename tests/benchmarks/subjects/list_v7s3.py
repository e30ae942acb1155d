"""List a bucket as v7s3 does.   list_v7s3.py ENDPOINT BUCKET WORKERS"""

import json
import sys
import time
import zlib

from v7s3.listing import list_parallel
from v7s3.s3 import AwsSettings, connect

endpoint, bucket, workers = sys.argv[1:]
client = connect(AwsSettings(endpoint_url=endpoint), bucket)
count = checksum = 0
cpu, wall = time.process_time(), time.perf_counter()
for objects in list_parallel(client, bucket, workers=int(workers)):
    for found in objects:
        count += 1
        checksum += zlib.crc32(found.key.encode())
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"count": count, "checksum": checksum, "cpu": cpu, "wall": wall}))
