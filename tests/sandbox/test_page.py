"""The page at `/` shows what an annotator's browser would show."""

from __future__ import annotations

import html
import re
import shutil
import subprocess

import httpx
import pytest

from v7s3.sandbox.samples import samples


@pytest.fixture
def registered(s3, darwin, register):
    s3.make_bucket(darwin.bucket)
    s3.grant_v7(darwin.bucket)
    keys = [key for key in samples() if key.startswith("photos/")]
    for key in keys:
        s3.put(darwin.bucket, key, samples()[key])
    register(*[{"path": "/<b>", "name": key.rpartition("/")[2], "storage_key": key} for key in keys])
    darwin.settle()
    return keys


def test_every_item_has_its_original_and_its_thumbnail(registered, darwin):
    page = httpx.get(darwin.url).text
    assert f'data-items="{len(registered)}"' in page
    assert "/&lt;b&gt; · image · complete" in page
    sources = [html.unescape(source) for source in re.findall(r'src="([^"]+)"', page)]
    assert len(sources) == 2 * len(registered)
    assert [httpx.get(source).status_code for source in sources] == [200] * len(sources)
    assert not re.search(r'(src|href)="(?!http://127\.0\.0\.1|data:)', page)


def test_the_page_of_another_dataset_is_empty(registered, darwin):
    assert 'data-items="0"' in httpx.get(darwin.url, params={"dataset": "other"}).text


@pytest.mark.browser
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
@pytest.mark.parametrize("allowed", [True, False])
def test_a_real_browser_shows_the_pictures_only_with_the_cors_rule(registered, s3, darwin, tmp_path, allowed):
    if allowed:
        s3.allow_origin(darwin.bucket, darwin.url)
    command = (
        "chromium --headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update"
    )
    command += f" --disable-sync --virtual-time-budget=20000 --dump-dom --user-data-dir={tmp_path} {darwin.url}"
    done = subprocess.run(command.split(), capture_output=True, text=True, timeout=120, check=True)
    (body,) = re.findall(r"<body[^>]*>", done.stdout)
    state = dict(re.findall(r'data-(\w+)="(\w+)"', body))
    count = str(2 * len(registered))
    expected = {"loaded": count, "blocked": "0"} if allowed else {"loaded": "0", "blocked": count}
    assert {name: state[name] for name in expected} == expected
