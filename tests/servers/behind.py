"""A real server behind a relay, whatever its make: `Behind("vsftpd", tmp_path, ctx, stack).store()`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from app.context import Context
from app.stores import Store, open_store
from tests.faults import Relay
from tests.ports import free_range
from tests.servers.proftpd import Proftpd
from tests.servers.pureftpd import Pureftpd
from tests.servers.pyftpd import Pyftpd
from tests.servers.sshd import Sshd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

OVER_SSH = ("openssh", "openssh-no-shell")
OVER_TLS = ("vsftpd", "vsftpd-implicit", "proftpd", "proftpd-implicit", "pureftpd", "pyftpdlib")
ALL = (*OVER_SSH, *OVER_TLS)


def _vsftpd(tmp_path: Path, ports: range, *options: str, **how: Any) -> Vsftpd:
    return Vsftpd(tmp_path, f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}", *options, **how)


def _proftpd(tmp_path: Path, ports: range, *options: str, **how: Any) -> Proftpd:
    return Proftpd(tmp_path, f"PassivePorts {ports[0]} {ports[-1]}", *options, **how)


_MAKES: dict[str, Callable[..., Any]] = {
    "openssh": lambda place, _, **how: Sshd(place, **how),
    "openssh-no-shell": lambda place, _, **how: Sshd(place, only_sftp=True, **how),
    "vsftpd": _vsftpd,
    "vsftpd-implicit": lambda *given, **how: _vsftpd(*given, implicit=True, **how),
    "proftpd": _proftpd,
    "proftpd-implicit": lambda *given, **how: _proftpd(*given, implicit=True, **how),
    "pureftpd": lambda place, ports, *options, **how: Pureftpd(place, *options, ports=ports, **how),
    "pyftpdlib": lambda place, ports, **how: Pyftpd(place, passive_ports=ports, **how),
}


class Behind:
    """A server of the make *make* (one of `ALL`) and the relay before it, until *stack* is left.

    *options* and *how* go to the server; *faults* to the relay.
    """

    def __init__(
        self,
        make: str,
        tmp_path: Path,
        ctx: Context,
        stack: ExitStack,
        *options: str,
        faults: dict[str, Any] | None = None,
        **how: Any,
    ) -> None:
        ports = range(0) if make in OVER_SSH else free_range(20)
        self.make, self.ctx, self._stack = make, ctx, stack
        self.server = stack.enter_context(_MAKES[make](tmp_path, ports, *options, **how))
        self.folder: Path = self.server.folder
        self.relay = stack.enter_context(Relay(self.server.port, ports, **(faults or {})))
        self.url = self.relay.url(self.server.url("sftp") if make in OVER_SSH else self.server.url)
        self._make_known(tmp_path)

    def _make_known(self, tmp_path: Path) -> None:
        answers = self.ctx.answers
        if self.make in OVER_SSH:
            answers.give(f"host-key ssh://{Relay.HOST}:{self.server.port}", self.server.fingerprint)
            return
        trusted(tmp_path, self._stack)
        if hasattr(self.server, "known"):
            self.server.known(self.ctx)
            answers.give(self.relay.url(self.server.login), answers.get(self.server.login) or "")

    def store(self, folder: str = "") -> Store:
        """A store of the server's folder, or of *folder* (`name/`) in it."""
        return self._stack.enter_context(closing(open_store(self.url + folder, self.ctx)))

    def tidy(self) -> None:
        """Take every file away."""
        for file in self.folder.iterdir():
            file.unlink()
