"""List a bucket with boto3's paginator.   list_boto3.py ENDPOINT BUCKET"""

import json
import sys
import time
import zlib

import boto3
from botocore.config import Config

endpoint, bucket = sys.argv[1:]
client = boto3.client("s3", endpoint_url=endpoint, config=Config(s3={"addressing_style": "path"}))
count = checksum = 0
cpu, wall = time.process_time(), time.perf_counter()
for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
    for found in page.get("Contents", ()):
        count += 1
        checksum += zlib.crc32(found["Key"].encode())
cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
print(json.dumps({"count": count, "checksum": checksum, "cpu": cpu, "wall": wall}))
