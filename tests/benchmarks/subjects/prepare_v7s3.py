"""`v7s3 prepare` on the first so many cores.

prepare_v7s3.py CORES ARGUMENT…
"""

import os
import sys

from v7s3.cli.app import main

if __name__ == "__main__":  # worker processes import this file again
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: int(sys.argv[1])])
    sys.exit(main(["prepare", *sys.argv[2:]]))
