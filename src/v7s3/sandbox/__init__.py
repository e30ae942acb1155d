"""A local S3 and a local V7 Darwin, for the demo and for tests. Imports nothing from the rest of the product.

    with SandboxS3() as s3, SandboxDarwin(s3=s3) as darwin:
        s3.make_bucket(darwin.bucket)
        …

Both speak HTTP on 127.0.0.1 and have switches for what servers do wrong (`faults`). Importing this package is cheap;
starting `SandboxS3` imports moto (extra `sandbox`).
"""

from v7s3.sandbox.darwin import SandboxDarwin
from v7s3.sandbox.faults import DarwinFaults, Faults
from v7s3.sandbox.items import Storage
from v7s3.sandbox.s3 import SandboxS3

__all__ = ["DarwinFaults", "Faults", "SandboxDarwin", "SandboxS3", "Storage"]
