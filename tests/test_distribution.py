"""What is published: both files install and work on their own, and say about themselves what is true."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from v7s3 import __version__

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def dist(tmp_path_factory):
    """The wheel and the sdist, built from this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(["uv", "build", "--quiet", "--out-dir", folder, ROOT], check=True, timeout=170)
    return folder


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason=".ci/smoke is a shell script")
def test_wheel_and_sdist_pass_the_smoke_test_on_their_own(dist):
    files = sorted(str(path) for path in dist.iterdir() if path.suffix in (".whl", ".gz"))
    assert len(files) == 2
    done = subprocess.run(
        ["bash", ROOT / ".ci" / "smoke", *files], capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(f"v7s3 {__version__}\n") == 2


@pytest.mark.slow
def test_the_files_hold_what_they_should(dist):
    [wheel], [sdist] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        info = f"v7s3-{__version__}.dist-info"
        about = message_from_bytes(archive.read(f"{info}/METADATA"))
    assert {"v7s3/py.typed", "v7s3/sandbox/media/photos/coffee.jpg", f"{info}/licenses/LICENSE"} <= names
    assert not [name for name in names if not name.startswith(("v7s3/", info))]
    assert (about["Name"], about["Version"], about["License-Expression"]) == ("v7s3", __version__, "MIT")
    assert "Typing :: Typed" in about.get_all("Classifier")
    # For SBOM tools: every dependency with a lower bound, none from a URL.
    requirements = about.get_all("Requires-Dist")
    assert [one for one in requirements if "@" in one or (">=" not in one and not one.startswith("v7s3["))] == []
    with tarfile.open(sdist) as archive:
        members = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "README.md", "LICENSE", "tests/conftest.py", "src/v7s3/cli/app.py"} <= members
    assert {".ci/run", ".github/workflows/ci.yml", ".github/actions/v7s3/run.sh"} <= members  # what the tests read


def test_the_changelog_begins_with_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = re.search(r"^## \[?v?(\d+\.\d+\.\d+)", text, re.MULTILINE)
    assert newest is not None
    assert newest[1] == __version__


def test_the_version_is_one_that_a_release_can_have():
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert "version" in PROJECT["dynamic"]


def test_every_tool_that_publishes_is_here():
    assert shutil.which("uv"), "uv builds the package; pip install uv"
