"""`v7s3 prepare` with the key that the sandbox's S3 knows.

prepare_v7s3.py ARGUMENT…
"""

import os
import sys

from v7s3.cli.app import main

if __name__ == "__main__":  # worker processes import this file again
    os.environ |= {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
    sys.exit(main(["prepare", *sys.argv[1:]]))
