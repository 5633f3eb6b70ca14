"""The practice FTPS server (explicit TLS, RFC 4217): pyftpdlib with a certificate that it signed itself."""

from __future__ import annotations

import logging
import threading
from pathlib import Path
from typing import Any

from app import host
from app.practice.record import USER


class FtpsServer:
    """Serves *folder* on 127.0.0.1:*port* to USER with *password*; *pem* is the file of key and certificate."""

    def __init__(self, port: int, pem: Path, password: str, folder: Path) -> None:
        from pyftpdlib.authorizers import DummyAuthorizer
        from pyftpdlib.handlers import TLS_FTPHandler
        from pyftpdlib.ioloop import IOLoop
        from pyftpdlib.servers import FTPServer

        logging.getLogger("pyftpdlib").addHandler(logging.NullHandler())  # or it sets up logging of its own
        logins = DummyAuthorizer()
        logins.add_user(USER, password, str(host.private_folder(folder)), perm="elradfmwMT")
        ways = {"authorizer": logins, "certfile": str(pem), "tls_control_required": True, "tls_data_required": True}
        handler = type("Practice", (TLS_FTPHandler,), ways)
        self._loop: Any = IOLoop()
        self._server: Any = FTPServer(("127.0.0.1", port), handler, ioloop=self._loop)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End; open connections are cut."""
        self._over.set()
        self._thread.join()

    def _serve(self) -> None:
        while not self._over.is_set():
            self._loop.loop(timeout=0.1, blocking=False)
        self._server.close_all()
