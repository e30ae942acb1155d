"""The sandbox's S3 in a process of its own, with the benchmark's photos in it: prints its address.

media_s3.py COUNT     a bucket of so many objects, from eight different pictures
"""

from __future__ import annotations

import sys
import time

from media import photos

from v7s3.sandbox import SandboxS3

with SandboxS3() as s3:
    s3.make_bucket("photos")
    bodies = [path.read_bytes() for path in photos(8)]
    for number in range(int(sys.argv[1])):
        s3.put("photos", f"raw/{number:04}.jpg", bodies[number % len(bodies)])
    print(s3.url, flush=True)
    while True:
        time.sleep(3600)
