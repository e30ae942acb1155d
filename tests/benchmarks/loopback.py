"""As much of an HTTP/1.1 server as a benchmark needs: keep-alive, answers that are delayed, nothing else.

An application is a function (method, target, headers, body) -> Answer. One thread serves thousands of requests a
second, so that the client under measurement is the slow side.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable


class Answer(NamedTuple):
    body: bytes = b""
    status: int = 200
    headers: str = ""  # complete lines, each ending in \r\n
    delay: float = 0.0  # seconds
    kind: str = "application/json"


class _Connection(asyncio.Protocol):
    def __init__(self, application: Callable[[str, str, dict[str, str], bytes], Answer]) -> None:
        self.application = application
        self.received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Clients wait for their answer before they send the next request, so one buffer holds one request."""
        self.received += data
        head, blank, body = self.received.partition(b"\r\n\r\n")
        if not blank:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) < int(headers.get("content-length", 0)):
            if not body and headers.get("expect") == "100-continue":
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self.received = b""
        method, target, _ = first.split(" ", 2)
        answer = self.application(method, target, headers, body)
        if answer.delay > 0:
            asyncio.get_running_loop().call_later(answer.delay, self.reply, method, answer)
        else:
            self.reply(method, answer)

    def reply(self, method: str, answer: Answer) -> None:
        if self.transport.is_closing():
            return
        head = (
            f"HTTP/1.1 {answer.status} -\r\nContent-Type: {answer.kind}\r\n{answer.headers}"
            f"Content-Length: {len(answer.body)}\r\n\r\n"
        ).encode()
        self.transport.write(head if method == "HEAD" else head + answer.body)


def serve(application: Callable[[str, str, dict[str, str], bytes], Answer]) -> None:
    """Serve on a free port of 127.0.0.1 until killed; the first line on stdout is the address."""

    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(application), "127.0.0.1", 0)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        sys.exit(130)
