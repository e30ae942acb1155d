"""Files that only npm carries: a package is fetched by npm itself, held to its hash, and unpacked. None of it is run."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


def unpacked(package: str, integrity: str, folder: Path) -> Path:
    """The folder `package` ("name@version") unpacks to; skips aloud where npm or its registry is out of reach."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    try:
        done = subprocess.run(
            [npm, "pack", "--silent", "--prefer-offline", "--pack-destination", folder, package],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not get {package} within two minutes")
    archives = list(folder.glob("*.tgz"))
    if not archives:
        pytest.skip(f"npm could not get {package}: {done.stderr.strip()[:200]}")
    [archive] = archives
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert f"sha512-{digest}" == integrity, f"{package} is not what it was when it was chosen"
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
    return folder / "package"
