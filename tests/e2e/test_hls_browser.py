"""A real browser plays the segments through hls.js, as V7's player does, and sees the frames the manifest names."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import npm
from artifacts.clips import BITS, clip
from chromium import FLAGS
from v7s3.sandbox import SandboxS3

pytestmark = pytest.mark.browser

# Seeks to the middle of some frames of each rendition and reads off the number each of them shows.
PAGE = """<!doctype html><body><video muted width="160" height="120"></video><script src="/hls.js"></script><script>
const playlists = PLAYLISTS, times = TIMES, seen = {};
const video = document.querySelector("video");
const post = body => fetch("/result", {method: "POST", body: JSON.stringify(body)});
const url = text => URL.createObjectURL(new Blob([text], {type: "application/vnd.apple.mpegurl"}));
const number = () => {
  const canvas = Object.assign(document.createElement("canvas"), {width: video.videoWidth, height: video.videoHeight});
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  let value = 0;
  for (let bit = 0; bit < BITS; bit++) {
    const at = context.getImageData((bit + .5) * canvas.width / BITS, canvas.height * .3, 1, 1).data;
    if (at[0] > 127) value |= 1 << bit;
  }
  return value;
};
const once = (target, name) => new Promise(done => target.addEventListener(name, done, {once: true}));
(async () => {
  for (const quality of ["high", "low"]) {
    const hls = new Hls({startFragPrefetch: true});
    hls.on(Hls.Events.ERROR, (_, error) => error.fatal && post({error: error.details}));
    hls.loadSource(url(playlists[quality]));
    hls.attachMedia(video);
    await once(video, "loadeddata");
    seen[quality] = {duration: video.duration, numbers: []};
    for (const time of times) {
      video.currentTime = time;
      await once(video, "seeked");
      seen[quality].numbers.push(number());
    }
    video.currentTime = 0;
    video.playbackRate = 8;
    await video.play();
    await once(video, "ended");
    seen[quality].played = video.currentTime;
    hls.destroy();
  }
  post(seen);
})().catch(error => post({error: String(error)}));
</script></body>"""


@pytest.fixture(scope="session")
def hls_js(tmp_path_factory) -> bytes:
    folder = npm.unpacked(
        "hls.js@1.7.4",
        "sha512-3GlxGdPvT2YHvQYOt+yOzT/DEior/qJVNIylHA77kgeoBTdQQqi70GwefNEUmHQeNGyjC8U62+bruqW/Tpm+tg==",
        tmp_path_factory.mktemp("hls"),
    )
    return (folder / "dist/hls.min.js").read_bytes()


class Site(ThreadingHTTPServer):
    """The page, hls.js, and a place for the page to say what it saw."""

    def __init__(self, hls_js: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = {"/hls.js": ("text/javascript", hls_js)}
        self.result: dict = {}
        self.answered = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = self.server.files.get(self.path, ("text/plain", b""))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.server.result = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(204)
        self.end_headers()
        self.server.answered.set()

    def log_message(self, *_):
        pass


@pytest.fixture
def site(hls_js):
    with Site(hls_js) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server
        server.shutdown()


def browse(site, profile) -> dict:
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("NO BROWSER: apt-get install chromium")
    words = [
        program,
        *FLAGS,
        "--autoplay-policy=no-user-gesture-required",
        f"--user-data-dir={profile}",
        f"{site.url}/",
    ]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            assert site.answered.wait(90), "the page did not finish"
        finally:
            browser.terminate()
    return site.result


def test_a_browser_sees_the_frames_that_the_manifest_names(site, v7s3, monkeypatch, tmp_path):
    with SandboxS3() as s3:
        for name, value in s3.environment().items():
            monkeypatch.setenv(name, value)
        s3.make_bucket("acme-clips")
        s3.grant_v7("acme-clips", "s3:GetObject")
        s3.allow_origin("acme-clips", site.url)
        s3.put("acme-clips", "drive.mp4", clip(frames=130, fps=25, sound=44100))
        items = tmp_path / "items.jsonl"
        assert v7s3("prepare", "s3://acme-clips", "--output", items, "--executor", "threads", "--quality", 5)[0] == 0
        slot = json.loads(items.read_text())["slots"][0]
        # V7 signs the keys in the playlists.
        playlists = {
            quality: "\n".join(
                s3.presign("acme-clips", line) if line.endswith(".ts") else line
                for line in slot["hls_segments"][f"{quality}_quality"]["index"].splitlines()
            )
            for quality in ("high", "low")
        }
        wanted = [0, 17, 59, 60, 61, 104, 105, 129]
        manifest = s3.client().get_object(Bucket="acme-clips", Key=slot["storage_frames_manifest_key"])["Body"].read()
        lines = [line.split(":") for line in manifest.decode().split("\n")]
        times = [float(lines[number][3]) + 0.02 for number in wanted]
        page = PAGE.replace("PLAYLISTS", json.dumps(playlists)).replace("TIMES", json.dumps(times))
        site.files["/"] = ("text/html; charset=utf-8", page.replace("BITS", str(BITS)).encode())
        seen = browse(site, tmp_path / "profile")
    assert "error" not in seen, seen
    for quality in ("high", "low"):
        assert seen[quality]["numbers"] == wanted
        assert seen[quality]["duration"] == pytest.approx(5.2, abs=0.15)
        assert seen[quality]["played"] == pytest.approx(5.2, abs=0.15)
