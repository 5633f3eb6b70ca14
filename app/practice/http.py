"""A small HTTP server on loopback: what the practice cloud's services share."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from app.practice.refusals import JSON, worded

BLOCK = 1 << 18


@dataclass(frozen=True)
class Refused(Exception):
    """An answer that ends a request early."""

    status: int
    words: str


class Request(BaseHTTPRequestHandler):
    """One request, with the few things that OpenStack's services need."""

    protocol_version = "HTTP/1.1"
    server: Server
    timeout = 300

    def setup(self) -> None:
        """Answers are small: do not let them wait for an acknowledgement."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *args: object) -> None:
        """Nobody reads it."""

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.where = unquote(parts.path)
        self.query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.unread = 0 if self._chunked else int(self.headers.get("Content-Length") or 0)
        self.drained = not self._chunked
        try:
            if not self.server.meddle(self):
                self.server.route(self)
        except Refused as exc:
            self._refuse(exc)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names http.server looks for

    @property
    def _chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "")

    def blocks(self) -> Iterator[bytes]:
        """The body; raises `ConnectionError` when it ends too early."""
        if self._chunked:
            yield from self._chunks()
        while self.unread:
            block = self.rfile.read(min(BLOCK, self.unread))
            if not block:
                raise ConnectionError("the body ended too early")
            self.unread -= len(block)
            yield block

    def _chunks(self) -> Iterator[bytes]:
        while True:
            line = self.rfile.readline(80)
            if not line.endswith(b"\n"):
                raise ConnectionError("the body ended too early")
            left = int(line.split(b";")[0], 16)
            while left:
                block = self.rfile.read(min(BLOCK, left))
                if not block:
                    raise ConnectionError("the body ended too early")
                left -= len(block)
                yield block
            self.rfile.readline(80)
            if line.strip().split(b";")[0].strip(b"0") == b"":
                self.drained = True
                return

    def json_body(self) -> Any:
        """The body as JSON."""
        try:
            return json.loads(b"".join(self.blocks()) or b"{}")
        except ValueError:
            raise Refused(400, "The body is not JSON.") from None

    def say(self, data: Any = None, status: int = 200, **headers: str) -> None:
        """Answer with JSON, or with nothing."""
        body = b"" if data is None else json.dumps(data).encode()
        self._head(status, {"Content-Length": str(len(body)), **({"Content-Type": JSON} if body else {}), **headers})
        if self.command != "HEAD":
            self.wfile.write(body)

    def words(self, text: str) -> None:
        """Answer with plain words."""
        self._head(200, {"Content-Length": str(len(text)), "Content-Type": "text/plain"})
        self.wfile.write(text.encode())

    def _refuse(self, refused: Refused) -> None:
        service = self.where.lstrip("/").partition("/")[0]
        kind, body = worded(service, refused.status, refused.words)
        self._head(refused.status, {"Content-Length": str(len(body)), "Content-Type": kind})
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_blocks(self, blocks: Iterator[bytes], size: int, **headers: str) -> None:
        """Answer with the *size* bytes of *blocks*, or the range of them that is wished for (RFC 9110 §14)."""
        wish = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        begin, end = (int(wish[1]), min(int(wish[2] or size), size - 1) + 1) if wish else (0, size)
        if wish and begin >= end:
            raise Refused(416, "The range is not in the file.")
        more = {"Content-Range": f"bytes {begin}-{end - 1}/{size}"} if wish else {}
        self._head(206 if wish else 200, {"Content-Length": str(end - begin), **more, **headers})
        at = 0
        for block in blocks if self.command != "HEAD" else ():
            piece = block[max(0, begin - at) : max(0, end - at)]
            self.wfile.write(piece)
            at += len(block)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        if self.unread or not self.drained:  # what was not read would be taken for the next request
            headers = {**headers, "Connection": "close"}
        self.send_response(status)
        self.send_header("x-openstack-request-id", f"req-{self.server.count()}")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class Server(ThreadingHTTPServer):
    """Serves *route* in threads of its own. *meddle* sees each request first; tests answer, or cut the line, there."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, route: Callable[[Request], None]) -> None:
        super().__init__(("127.0.0.1", port), Request)
        self.route = route
        self.meddle: Callable[[Request], bool] = lambda request: False
        self._count, self._open, self._lock = 0, set[socket.socket](), threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End at once; open connections are cut."""
        self.shutdown()
        self.server_close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

    def count(self) -> int:
        """A number for each answer."""
        self._count += 1
        return self._count

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection, so that it can be cut."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget the connection."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle is no event here."""


def file_blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file."""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            yield block
