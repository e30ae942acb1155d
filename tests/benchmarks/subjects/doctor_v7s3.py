"""`v7s3 doctor` in this process, with keys that the sandbox knows.

doctor_v7s3.py BUCKET DATASET URL
"""

import json
import os
import sys
import time

import v7s3.cli.doctor_run  # noqa: F401  # what a command imports is start-up, not work
from v7s3.cli.app import main
from v7s3.sandbox.darwin import API_KEY

bucket, dataset, url = sys.argv[1:]
os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "V7_API_KEY": API_KEY}
wall = time.perf_counter()
code = main(["doctor", f"s3://{bucket}/raw", "--dataset", dataset, "--endpoint-url", url, "--darwin-url", url])
print(json.dumps({"wall": time.perf_counter() - wall}))
sys.exit(code)
