"""The sandbox's HTTP server: keep-alive, odd bodies, bugs of the application, and a shutdown without leftovers."""

from __future__ import annotations

import socket
import threading

import httpx
import pytest

from v7s3.sandbox.serving import DroppedError, Request, Response, Server


def echo(request: Request) -> Response:
    if request.path == "/drop":
        raise DroppedError
    if request.path == "/bug":
        raise ValueError("a bug")
    return Response(200, request.body or request.raw_path.encode(), {"X-Query": request.parameter("q", "none")})


@pytest.fixture
def server():
    served = Server(echo)
    served.start()
    yield served
    served.stop()


def test_one_connection_serves_many_requests(server):
    with httpx.Client(base_url=server.url) as client:
        for _ in range(3):
            assert client.get("/a%2Fb%20c").content == b"/a%2Fb%20c"
        assert client.get("/", params={"q": "x y+z"}).headers["x-query"] == "x y+z"
        assert client.post("/", content=iter([b"chunk", b"ed"])).content == b"chunked"
        head = client.head("/length")
        assert (head.content, head.headers["content-length"]) == (b"", "7")
        assert client.request("PROPFIND", "/odd").content == b"/odd"


def test_a_client_that_asks_before_it_sends_is_told_to_go_on(server):
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 100 Continue")
        client.sendall(b"ok")
        assert client.recv(1000).endswith(b"\r\n\r\nok")


def test_a_dropped_connection_has_no_answer(server):
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/drop")


def test_a_bug_of_the_application_is_kept_and_answered_with_500(server):
    assert httpx.get(f"{server.url}/bug").status_code == 500
    assert [str(error) for error in server.errors] == ["a bug"]
    assert httpx.get(f"{server.url}/fine").status_code == 200


def test_stopping_ends_idle_connections_and_their_threads():
    before = threading.active_count()
    server = Server(echo)
    server.start()
    with httpx.Client(base_url=server.url) as client:
        client.get("/")
        server.stop()
        server.stop()
        assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="not running"):
        assert server.url
