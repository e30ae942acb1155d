"""A real browser decides, and `v7s3 cors check` and `evaluate_cors` must have said the same.

The sandbox's Darwin shows pictures from the sandbox's S3, another origin, as V7 does: `<img crossorigin>` drawn to a
canvas that is read back.
"""

from __future__ import annotations

import io
import json
import os
import re
from itertools import product
from pathlib import Path

import httpx
import pytest

from chromium import open_page, site
from v7s3.access.cors import CORSConfiguration, CORSRequest, evaluate_cors
from v7s3.sandbox import SandboxDarwin, SandboxS3
from v7s3.sandbox.items import Storage

pytestmark = pytest.mark.browser

SCREENSHOT = Path(__file__).parents[2] / "examples" / "cors" / "pictures-load.png"
POLICY = {
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::258327614892:role/external_s3"},
    "Action": ["s3:GetObject", "s3:PutObject"],
}


def sign(number: int) -> bytes:
    """A road sign, drawn: something to look at in the screenshot."""
    from PIL import Image, ImageDraw

    picture = Image.new("RGB", (480, 320), ("#8fb7d8", "#c8d8a8", "#d8c3a5")[number % 3])
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 230, 480, 320), fill="#5d6468")
    draw.rectangle((234, 150, 246, 270), fill="#9aa0a3")
    corners = [(240, 30), (310, 150), (170, 150)]
    if number % 3 == 0:
        draw.ellipse((170, 30, 310, 170), fill="white", outline="#c1272d", width=18)
    elif number % 3 == 1:
        draw.polygon(corners, fill="#fff3b0", outline="#c1272d", width=14)
    else:
        draw.rounded_rectangle((170, 40, 310, 160), 14, fill="#1f5fa8", outline="white", width=6)
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()


def rule(*origins: str, methods=("GET",), **more):
    return {"AllowedMethods": list(methods), "AllowedOrigins": list(origins), **more}


# name, the rules of the bucket for a page on this origin, whether every picture shows
CONFIGURATIONS = [
    ("none", lambda page: None, False),
    ("another-origin", lambda page: [rule("https://darwin.v7labs.com")], False),
    ("everybody", lambda page: [rule("*")], True),
    ("pattern", lambda page: [rule("http://127.0.0.1:*")], True),
    ("star-for-nothing", lambda page: [rule(f"{page}*")], True),
    ("wrong-scheme", lambda page: [rule(page.replace("http:", "https:"))], False),
    ("trailing-slash", lambda page: [rule(f"{page}/")], False),
    ("upper-case", lambda page: [rule(page.replace("http", "HTTP"))], False),
    ("no-port", lambda page: [rule("http://127.0.0.1")], False),
    ("put-only", lambda page: [rule(page, methods=["PUT"])], False),
    ("head-only", lambda page: [rule("*", methods=["HEAD"])], False),
    ("second-rule", lambda page: [rule(page, methods=["PUT"]), rule("https://a.example"), rule(page, AllowedHeaders=["x-a"])], True),
]  # fmt: skip


@pytest.fixture(scope="module")
def s3():
    with SandboxS3() as server:
        yield server
        assert server.errors == []


def make_bucket(s3, bucket: str, rules, pictures: int = 1) -> None:
    s3.make_bucket(bucket)
    for number in range(pictures):
        s3.put(bucket, f"signs/{number + 1}.jpg", sign(number))
    statement = {**POLICY, "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    if rules is not None:
        s3.client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": rules})


def register(darwin, storage: str, keys: list[str]) -> None:
    """Without the product: what is tested here is what the browser sees afterwards."""
    names = {key: key.rpartition("/")[2] for key in keys}
    items = [
        {"path": f"/{storage}", "name": name, "slots": [{"slot_name": "0", "storage_key": key, "file_name": name}]}
        for key, name in names.items()
    ]
    answer = httpx.post(
        f"{darwin.url}/api/v2/teams/{darwin.team}/items/register_existing",
        headers={"Authorization": f"ApiKey {darwin.api_key}"},
        json={"dataset_slug": darwin.dataset, "storage_slug": storage, "items": items},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["blocked_items"] == []


def states(dom: str, bucket: str) -> set[str]:
    """The states of the bucket's pictures on the page."""
    images = re.findall(r"<img [^>]*>", dom)
    ours = [image for image in images if f"/{bucket}/" in image]
    assert ours, f"no picture of {bucket} on the page"
    return {re.search(r'data-state="(\w+)"', image)[1] for image in ours}


def test_the_browser_shows_what_cors_check_says_it_will(v7s3, s3, monkeypatch):
    names = [name for name, _, _ in CONFIGURATIONS] + ["as-written"]
    storages = [Storage(name, f"shown-{name}") for name in names]
    with SandboxDarwin(s3=s3, storages=storages) as darwin:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        _, written, _ = v7s3("cors", "write", "--format", "api", "--origin", darwin.url)
        expected = {"as-written": True}
        make_bucket(s3, "shown-as-written", json.loads(written)["CORSRules"])
        for name, rules, shown in CONFIGURATIONS:
            make_bucket(s3, f"shown-{name}", rules(darwin.url))
            expected[name] = shown
        for name in names:
            register(darwin, name, ["signs/1.jpg"])
        darwin.settle()

        dom = open_page(darwin.url)

        assert 'data-state="settled"' in dom
        seen = {name: states(dom, f"shown-{name}") == {"loaded"} for name in names}
        assert seen == expected
        for name in names:
            said = v7s3("cors", "check", f"s3://shown-{name}/signs/1.jpg", "--live", "--origin", darwin.url)
            assert (said[0] == 0) == seen[name], (name, said)
            assert "COR045" not in said[1], (name, said)  # offline and live agree
        assert darwin.errors == []


def test_the_rule_of_cors_apply_makes_every_picture_show(v7s3, s3, monkeypatch, tmp_path):
    with SandboxDarwin(s3=s3, storages=[Storage("acme", "acme-signs")]) as darwin:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        make_bucket(s3, "acme-signs", None, pictures=6)
        register(darwin, "acme", [f"signs/{number}.jpg" for number in range(1, 7)])
        darwin.settle()
        assert states(open_page(darwin.url), "acme-signs") == {"blocked"}

        assert v7s3("cors", "apply", "s3://acme-signs", "--yes", "--origin", darwin.url)[0] == 0

        assert states(open_page(darwin.url), "acme-signs") == {"loaded"}
        picture = SCREENSHOT if os.environ.get("TAKE_SCREENSHOTS") else tmp_path / "page.png"
        open_page(darwin.url, picture, "1100,570")
        assert picture.read_bytes().startswith(b"\x89PNG")
        assert darwin.errors == []


FETCHES = """<!doctype html><meta charset="utf-8"><body data-state="running"><script>
const jobs = JOBS;
Promise.all(jobs.map(job => fetch(job.url, {method: job.method, headers: job.headers, cache: "no-store"})
  .then(() => true, () => false)))
  .then(done => {document.body.dataset.done = JSON.stringify(done); document.body.dataset.state = "settled";});
</script></body>"""

# method and headers of a fetch, and the names that make a browser ask first
REQUESTS = [
    ("GET", {}, ()),
    ("HEAD", {}, ()),
    ("GET", {"x-amz-meta-a": "1"}, ("x-amz-meta-a",)),
    ("GET", {"X-Other": "1", "x-amz-meta-a": "1"}, ("x-amz-meta-a", "x-other")),
    ("GET", {"authorization-x": "1"}, ("authorization-x",)),
    ("PUT", {}, ()),
    ("PUT", {"content-type": "image/jpeg"}, ("content-type",)),
    ("DELETE", {}, ()),
]
FETCH_RULES = [
    lambda page: [rule(page)],
    lambda page: [rule("*", AllowedHeaders=["*"])],
    lambda page: [rule(page, AllowedHeaders=["X-AMZ-*"])],
    lambda page: [rule(page, methods=["PUT", "HEAD"], AllowedHeaders=["Content-Type"])],
    lambda page: [
        rule("*", methods=["PUT"]),
        rule(page, AllowedHeaders=["x-other"]),
        rule("*", AllowedHeaders=["x-*"]),
    ],
    lambda page: [rule(page, methods=["GET", "PUT", "POST", "HEAD", "DELETE"], AllowedHeaders=["*-x", "*-type"])],
    lambda page: [rule("http://*", methods=["DELETE", "POST"])],
    lambda page: [rule(f"{page}0", methods=["GET", "PUT"], AllowedHeaders=["*"])],
]


def allowed(configuration: CORSConfiguration, origin: str, method: str, unsafe) -> bool:
    """The Fetch standard's way: a preflight unless method and headers are safelisted, then the request itself."""
    asks_first = bool(unsafe) or method not in ("GET", "HEAD", "POST")
    preflight = CORSRequest("preflight", origin, method, unsafe)
    actual = CORSRequest("actual", origin, method)
    return (not asks_first or evaluate_cors(configuration, preflight).allowed) and evaluate_cors(
        configuration, actual
    ).allowed


def test_every_fetch_of_a_browser_ends_as_evaluate_cors_says(s3):
    with site() as web:
        jobs, expected = [], []
        for number, rules in enumerate(FETCH_RULES):
            make_bucket(s3, f"fetched-{number}", rules(web.url))
        for (number, rules), (method, headers, unsafe) in product(enumerate(FETCH_RULES), REQUESTS):
            key = f"{len(jobs)}.txt"
            s3.put(f"fetched-{number}", key, b"x")
            url = s3.presign(f"fetched-{number}", key, method, identity="owner")
            jobs.append({"url": url, "method": method, "headers": headers})
            expected.append(allowed(CORSConfiguration.parse(rules(web.url)), web.url, method, unsafe))
        web.html = FETCHES.replace("JOBS", json.dumps(jobs))

        dom = open_page(web.url)

        assert 'data-state="settled"' in dom
        done = json.loads(re.search(r'data-done="([^"]*)"', dom)[1])
        differing = [(job, was, said) for job, was, said in zip(jobs, done, expected, strict=True) if was != said]
        assert differing == []
        assert {True, False} == set(done)
