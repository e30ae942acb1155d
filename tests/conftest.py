"""Guards for every test: no real credentials, no real home, no connection that leaves this machine."""

from __future__ import annotations

import ipaddress
import os
import socket

import hypothesis
import pytest

hypothesis.settings.register_profile("v7s3", deadline=None)  # a busy machine is no defect
hypothesis.settings.load_profile("v7s3")

_UNSET = ("V7_", "DARWIN_", "AWS_", "GITHUB_", "GITLAB_", "V7S3_", "CI", "NO_COLOR", "CLICOLOR", "FORCE_COLOR", "TERM")


class ConnectionLeavesThisMachineError(AssertionError):
    """A test tried to reach an address that is not loopback."""


def _is_loopback(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a unix socket
    host = str(address[0])
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host.split("%", maxsplit=1)[0]).is_loopback
    except ValueError:
        return False


@pytest.fixture(autouse=True)
def _guarded(monkeypatch, tmp_path_factory):
    for name in list(os.environ):
        if name.startswith(_UNSET):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("home")
    for name in ("HOME", "USERPROFILE", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(home / "no-aws-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(home / "no-aws-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("COLUMNS", "100")

    connect = socket.socket.connect

    def guarded_connect(self, address):
        if not _is_loopback(address):
            raise ConnectionLeavesThisMachineError(address)
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded_connect)


@pytest.fixture
def v7s3(capsys):
    """Run the real `main()`; returns (exit code, stdout, stderr)."""
    from v7s3.cli.app import main

    def run(*arguments: object):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory that is the root of a git repository, where v7s3.toml is looked for."""
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def s3():
    """The sandbox's S3; a test in which it failed by itself fails."""
    from v7s3.sandbox import SandboxS3

    with SandboxS3() as server:
        yield server
        assert server.errors == []


@pytest.fixture(scope="module")
def moto_url():
    """moto as it is: any AWS service, and no access control."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
