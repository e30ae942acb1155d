"""A small threaded HTTP/1.1 server for the sandbox: keep-alive, quick start and stop, connections dropped on demand.

The standard library's `http.server` parses; everything else is here because neither it nor Werkzeug's server offers
all of: keep-alive, an untouched request path (keys are opaque), one write per answer and a shutdown that leaves no
open socket behind.
"""

from __future__ import annotations

import logging
import socket
import threading
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, unquote_plus

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = logging.getLogger("v7s3.sandbox")


class DroppedError(Exception):
    """Raised by an application to close the connection without an answer."""


@dataclass(frozen=True)
class Request:
    """One HTTP request as it arrived: `raw_path` is still percent-encoded, `headers` have lower-case names."""

    method: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote(self.raw_path)

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The decoded query parameters in their order; one without `=` has the value ""."""
        parts = [part.partition("=") for part in self.query_string.split("&") if part]
        return [(unquote_plus(name), unquote_plus(value)) for name, _, value in parts]

    def parameters(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]

    def parameter(self, name: str, default: str = "") -> str:
        return next(iter(self.parameters(name)), default)

    def asks(self, name: str) -> bool:
        """Whether the query names `name`, with or without a value (S3's sub-resources)."""
        return any(key == name for key, _ in self.pairs)


@dataclass(frozen=True)
class Response:
    """One HTTP answer. A HEAD request's body is not sent, but its length is."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Server:
    """Serves one application on 127.0.0.1 until `stop`. Exceptions of the application become a 500 and an entry in
    `errors`, so that a test can see that the sandbox itself is at fault."""

    def __init__(self, application: Callable[[Request], Response], port: int = 0) -> None:
        self._application = application
        self._port = port
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        self._acceptor: threading.Thread | None = None
        self.errors: list[BaseException] = []

    @property
    def url(self) -> str:
        if self._listener is None:
            raise RuntimeError("the sandbox server is not running: use it in a with statement")
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self._port), backlog=256)
        self._acceptor = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._acceptor.start()

    def stop(self) -> None:
        """Close the listener and every connection, and wait for their threads. May be called twice."""
        listener, self._listener = self._listener, None
        if listener is None or self._acceptor is None:
            return
        with socket.create_connection(listener.getsockname()):  # wakes accept() on every system
            self._acceptor.join()
        listener.close()
        with self._lock:
            connections = dict(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                log.debug("a connection was gone before the server stopped")
        for thread in connections.values():
            thread.join(timeout=10)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            connection, _ = listener.accept()
            if self._listener is None:
                connection.close()
                return
            thread = threading.Thread(target=self._converse, args=(connection,), daemon=True)
            with self._lock:
                self._connections[connection] = thread
            thread.start()

    def _converse(self, connection: socket.socket) -> None:
        try:
            _Conversation(connection, self)
        except OSError:
            log.debug("a client closed its connection in the middle")
        finally:
            connection.close()
            with self._lock:
                del self._connections[connection]

    def answer(self, request: Request) -> Response:
        try:
            return self._application(request)
        except DroppedError:
            raise
        except Exception as error:
            log.exception("the sandbox failed on %s %s", request.method, request.raw_path)
            self.errors.append(error)
            return Response(500, f"the sandbox failed: {error!r}".encode(), {"Content-Type": "text/plain"})


class _Conversation(BaseHTTPRequestHandler):
    """One connection: request after request until either side has enough."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any  # our Server, which needs nothing of socketserver's

    def __init__(self, connection: socket.socket, server: Server) -> None:
        super().__init__(connection, ("127.0.0.1", 0), server)  # type: ignore[arg-type]  # see `server` above

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method, also ones HTTP does not know, is the application's affair
            return self._one
        raise AttributeError(name)

    def _one(self) -> None:
        body = self._read_body()
        raw_path, _, query = self.path.partition("?")
        headers: dict[str, str] = {}
        for name, value in self.headers.items():
            key = name.lower()
            headers[key] = f"{headers[key]},{value}" if key in headers else value
        try:
            response = self.server.answer(Request(self.command, raw_path, query, headers, body))
        except DroppedError:
            self.close_connection = True
            return
        self._write(response)

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _write(self, response: Response) -> None:
        phrase = HTTPStatus(response.status).phrase if response.status in HTTPStatus._value2member_map_ else ""
        lines = [f"HTTP/1.1 {response.status} {phrase}", f"Date: {self.date_time_string()}", "Server: v7s3-sandbox"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        bodiless = self.command == "HEAD" or response.status in (204, 304)
        if "content-length" not in {name.lower() for name in response.headers} and response.status not in (204, 304):
            lines.append(f"Content-Length: {len(response.body)}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        self.wfile.write(head if bodiless else head + response.body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name is http.server's
        log.debug(format, *args)
