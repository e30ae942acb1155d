"""Which objects are in a bucket: pages of ListObjectsV2, one after another or many at a time.

page.py       one answer of S3 -> keys, byte for byte (pure)
requests.py   one signed request, sent and repeated until it is answered
guess.py      what the keys of this bucket look like, learned on the way (pure)
ranges.py     which worker lists which part of them (pure)
parallel.py   the workers
"""

from v7s3.listing.parallel import list_parallel
from v7s3.listing.requests import list_objects

__all__ = ["list_objects", "list_parallel"]
