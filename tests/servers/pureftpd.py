"""A real Pure-FTPd on 127.0.0.1: a fourth make, with TLS demanded on both lines. It lets nobody in as root, so the
folder belongs to everybody while a test runs, and root is needed to start it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Self

import pytest

from app import host
from tests.ports import free_port
from tests.servers import need, wait_for_port
from tests.servers.passwords import ByPassword, hashed
from tests.servers.sshd import children, kill
from tests.servers.tls import pem

UNPACKED = Path(sys.prefix) / "pure-ftpd/usr"  # its package asks for an inetd: set-up only unpacks it here
USER = "me"
NOBODY = 65534


class Pureftpd(ByPassword):
    """`with Pureftpd(tmp_path) as server: server.url`; the login is `USER` with `PASSWORD`.

    *options* are further arguments of pure-ftpd(8); *ports* are its passive ones.
    """

    def __init__(self, tmp_path: Path, *options: str, certificate: str = "good", ports: range = range(0)) -> None:
        if os.geteuid():
            skip = pytest.fail if os.environ.get("CI") else pytest.skip
            skip("Pure-FTPd is started by root only")
        self.port = free_port()
        self.place = tmp_path / f"pureftpd-{self.port}"
        self.place.mkdir(mode=0o700)
        self.folder = tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o777)
        passive = ("-p", f"{ports[0]}:{ports[-1]}") if ports else ()
        self.command = [_program("sbin/pure-ftpd"), "-S", f"127.0.0.1,{self.port}", "-Y", "3", "-d", "-d", "-H", "-A"]
        self.command += ["-2", str(pem(tmp_path, certificate)), "-l", f"puredb:{self._logins()}", "-E", "-u", "1"]
        self.command += ["-g", str(self.place / "pid"), "-c", "50", "-C", "50", *passive, *options]
        self.process: subprocess.Popen[bytes] | None = None

    def _logins(self) -> Path:
        """pure-pw(8): its list of logins, as text and as pure-ftpd reads it."""
        text, table = self.place / "logins", self.place / "logins.pdb"
        text.write_text(f"{USER}:{hashed()}:{NOBODY}:{NOBODY}::{self.folder}/./::::::::::::\n")
        subprocess.run([_program("bin/pure-pw"), "mkdb", str(table), "-f", str(text)], check=True)
        return table

    @property
    def login(self) -> str:
        return f"ftpes://{USER}@127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address of the folder."""
        return f"{self.login}/"

    def cut(self) -> None:
        """End every session, but go on listening."""
        for child in children(self.process.pid) if self.process else []:
            kill(child)

    def __enter__(self) -> Self:
        with (self.place / "words").open("wb") as words:
            self.process = host.start(self.command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *exc: object) -> None:
        self.cut()
        if self.process:
            host.end(self.process)


def _program(name: str) -> str:
    unpacked = UNPACKED / name
    return str(unpacked) if unpacked.exists() else need(Path(name).name)
