"""v7s3: from an S3 bucket to a V7 Darwin dataset.

The public Python surface is the modules of `v7s3.access` and `v7s3.items`; the command line is built on it.
"""

__version__ = "0.1.0"
