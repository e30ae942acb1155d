"""`v7s3 register` in this process, and then, if asked to, the listing alone, so that it can be taken off.

register_v7s3.py [--and-listing] S3 BUCKET ARGUMENT…
"""

import json
import sys
import time

# What a command imports is start-up, not work.
import httpcore  # noqa: F401  # httpx does it when its first transport is made

import v7s3.cli.register_job  # noqa: F401
from v7s3.cli.app import main
from v7s3.listing import list_parallel
from v7s3.s3 import AwsSettings, connect

given = sys.argv[1:]
and_listing = given[0] == "--and-listing"
s3, bucket, *arguments = given[and_listing:]
cpu, wall = time.process_time(), time.perf_counter()
code = main(["register", f"s3://{bucket}", "--endpoint-url", s3, *arguments])
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
said = {"cpu": cpu, "wall": wall}
if and_listing:
    listing_cpu, listing_wall = time.process_time(), time.perf_counter()
    for _ in list_parallel(connect(AwsSettings(endpoint_url=s3), bucket), bucket):
        pass
    listing_cpu, listing_wall = time.process_time() - listing_cpu, time.perf_counter() - listing_wall
    said |= {"listing_cpu": listing_cpu, "listing_wall": listing_wall}
print(json.dumps(said))
sys.exit(code)
