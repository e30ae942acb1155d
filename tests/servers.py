"""S3 servers of other people, started when they are installed: a second opinion that shares no code with us.

s3rver      npm install s3rver; on PATH, or its program in $S3RVER, as .ci/run does it
LocalStack  pip install 'localstack-core[runtime]==4.13.1' 'cbor2<6' 'pyopenssl<26' 'cryptography<47' service_identity
            in an environment of its own, named in $LOCALSTACK_VENV

A test that asks for one which is absent is skipped, and the reason says how to get it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest

if TYPE_CHECKING:
    from pathlib import Path

_START = 90.0  # seconds LocalStack may take on a busy machine


class Server(NamedTuple):
    name: str
    url: str
    access_key: str
    secret_key: str

    def client(self):
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )


@contextmanager
def start(name: str, directory: Path):
    """One running server. Skips aloud when it is not installed."""
    port = _free_port()
    command, environment, server = {"s3rver": _s3rver, "localstack": _localstack}[name](port, directory)
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=log, stderr=log, cwd=directory)
    try:
        _wait(server.url, process, directory / "log")
        yield server
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _s3rver(port: int, directory: Path):
    program = os.environ.get("S3RVER") or shutil.which("s3rver")
    if not program:
        pytest.skip("NO SECOND SERVER: `npm i -g s3rver`, or set S3RVER to its program")
    command = [program, "-a", "127.0.0.1", "-p", str(port), "-d", str(directory), "--no-vhost-buckets"]
    return command, {}, Server("s3rver", f"http://127.0.0.1:{port}", "S3RVER", "S3RVER")


def _localstack(port: int, directory: Path):
    venv = os.environ.get("LOCALSTACK_VENV")
    if not venv:
        pytest.skip("NO SECOND SERVER: install LocalStack (see tests/servers.py) and set LOCALSTACK_VENV")
    (directory / "tmp").mkdir()
    environment = {
        "FILESYSTEM_ROOT": str(directory),
        "TMPDIR": str(directory / "tmp"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_HOST": f"127.0.0.1:{port}",
        "SERVICES": "s3",
        "EAGER_SERVICE_LOADING": "1",
        "DISABLE_EVENTS": "1",
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DNS_ADDRESS": "0",
        "S3_SKIP_SIGNATURE_VALIDATION": "0",
    }
    command = [f"{venv}/bin/python", "-m", "localstack.runtime.main"]
    return command, environment, Server("localstack", f"http://127.0.0.1:{port}", "test", "test")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            httpx.get(url, timeout=5)
        except httpx.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail(f"the server did not start: {log.read_text(errors='replace')[-2000:]}")
