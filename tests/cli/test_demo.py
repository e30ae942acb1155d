"""`v7s3 demo` makes the whole journey with the real commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ITEMS = """\
   /raw/photos/astronaut.jpg   image  complete
   /raw/photos/camera.png      image  complete
   /raw/photos/chelsea.jpg     image  complete
   /raw/photos/coffee.jpg      image  complete
   /raw/photos/rocket.jpg      image  complete
   /raw/scans/CT_small.dcm     dicom  complete
   /raw/videos/coffee-pan.mp4  video  complete
"""


def test_the_journey_registers_everything_once_and_says_so(v7s3):
    code, out, err = v7s3("demo")
    assert code == 0, err
    assert ITEMS in out
    assert "listed 10: kept 7, skipped 3: 1 folder marker, 1 unsupported type, 1 zero-byte object" in out
    assert "7 registered · 0 exists" in out
    assert "11 written by V7" in out
    assert "0 registered · 0 exists · 0 blocked · 0 refused · 0 failed   (settled by earlier runs: 7 registered)" in out
    assert out.endswith("Darwin holds 7 items, each once.\n")
    assert "127.0.0.1" not in out


def test_the_journey_as_one_document(v7s3):
    code, out, _ = v7s3("demo", "--format", "json")
    document = json.loads(out)
    assert (code, document["version"]) == (0, 1)
    assert {step["exit_code"] for step in document["steps"]} == {0}
    runs = [step["said"] for step in document["steps"] if step["command"][1] == "register"]
    assert [run["outcomes"]["registered"] for run in runs] == [7, 0]
    assert len(document["items"]) == 7
    assert {item["status"] for item in document["items"]} == {"complete"}


def test_nothing_of_the_environment_reaches_the_demo_and_it_stays_as_it_was(v7s3, monkeypatch, tmp_path):
    (tmp_path / "mine.toml").write_text('endpoint-url = "http://127.0.0.1:9"\n')
    mine = {
        "AWS_PROFILE": "mine",
        "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9",
        "V7S3_CONFIG": str(tmp_path / "mine.toml"),
        "V7_STORAGE": "mine",
        "http_proxy": "http://127.0.0.1:9",
    }
    for name, value in mine.items():
        monkeypatch.setenv(name, value)
    before, directory = dict(os.environ), Path.cwd()
    assert v7s3("demo", "-q")[0] == 0
    assert (dict(os.environ), Path.cwd()) == (before, directory)


def test_without_the_extra_the_demo_says_what_to_install(v7s3, monkeypatch):
    monkeypatch.delitem(sys.modules, "v7s3.sandbox.store", raising=False)
    monkeypatch.setitem(sys.modules, "moto.core.utils", None)
    code, _, err = v7s3("demo")
    assert code == 2
    assert "the demo needs the extra `sandbox`" in err
    assert "pip install 'v7s3[sandbox]'" in err


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for a subprocess on Windows")
def test_serve_keeps_both_servers_until_interrupted():
    command = [sys.executable, "-m", "v7s3", "demo", "--serve"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as running:
        assert running.stderr is not None
        told = []
        for line in running.stderr:
            told.append(line.strip())
            if line.startswith("Ctrl-C"):
                break
        variables = dict(line.removeprefix("export ").split("=", 1) for line in told if line.startswith("export "))
        page = httpx.get(variables["DARWIN_BASE_URL"].strip('"')).text
        (key_file,) = [word.strip('")') for word in variables["V7_API_KEY"].split() if "v7-api-key" in word]
        key = Path(key_file).read_text(encoding="utf-8").strip()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=60) == 0  # its normal end, as the help says
    assert 'data-items="7"' in page
    assert len(key) == 40
    assert key not in "\n".join(told)
    assert set(variables) >= {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "V7_TEAM", "V7_DATASET", "V7_STORAGE"}
