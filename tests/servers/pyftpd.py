"""pyftpdlib on 127.0.0.1, in a thread: a third make, whose every habit can be changed (no rename, no SIZE …)."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any, Self

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

from tests.ports import free_port
from tests.servers.passwords import PASSWORD, ByPassword
from tests.servers.tls import pem

USER = "me"
ALL = "elradfmwMT"


class Handler(TLS_FTPHandler):
    """Explicit TLS, wanted for both lines."""

    tls_control_required = tls_data_required = True
    forbidden: tuple[str, ...] = ()

    def pre_process_command(self, line: str, cmd: str, arg: str) -> Any:
        if cmd in self.forbidden:
            return self.respond("550 Not allowed here.")
        return super().pre_process_command(line, cmd, arg)


class Pyftpd(ByPassword):
    """`with Pyftpd(tmp_path) as server: server.url`; the login is `USER` with `PASSWORD`.

    *handler* is the class of control lines, *data* that of data lines, *forbidden* names commands that are refused,
    *allowed* is pyftpdlib's permission string, *settings* go onto the handler class.
    """

    def __init__(
        self,
        tmp_path: Path,
        *,
        handler: type[Handler] = Handler,
        data: type[TLS_DTPHandler] = TLS_DTPHandler,
        forbidden: tuple[str, ...] = (),
        allowed: str = ALL,
        certificate: str = "good",
        folder: Path | None = None,
        **settings: Any,
    ) -> None:
        logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
        self.port = free_port()
        self.folder = folder or tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        authorizer = DummyAuthorizer()
        authorizer.add_user(USER, PASSWORD, str(self.folder), perm=allowed)
        own = {
            "authorizer": authorizer,
            "dtp_handler": data,
            "certfile": str(pem(tmp_path, certificate)),
            "forbidden": forbidden,
            "ssl_context": None,
            "auth_failed_timeout": 0.2,
            **settings,
        }
        self.handler: Any = type("Own", (handler,), own)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def login(self) -> str:
        return f"ftpes://{USER}@127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address of the folder."""
        return f"{self.login}/"

    def _serve(self) -> None:
        while not self._stop.is_set():
            self.server.ioloop.loop(timeout=0.05, blocking=False)
        self.server.close_all()

    def __enter__(self) -> Self:
        self.server = FTPServer(("127.0.0.1", self.port), self.handler, ioloop=IOLoop())
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(5)
