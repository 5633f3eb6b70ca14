"""A real ProFTPD on 127.0.0.1: another make, which computes SHA-256 (mod_digest) and demands TLS session reuse."""

from __future__ import annotations

import getpass
import grp
import os
import subprocess
import sys
from pathlib import Path
from typing import Self
from urllib.parse import quote

from app import host
from tests.ports import free_port
from tests.servers import need, wait_for_port
from tests.servers.passwords import ByPassword, hashed
from tests.servers.sshd import children, kill
from tests.servers.tls import pem

UNPACKED = Path(sys.prefix) / "proftpd"  # Debian's package cannot be installed beside vsftpd: set-up unpacks it here


class Proftpd(ByPassword):
    """`with Proftpd(tmp_path) as server: server.url`; the login is this user's name with `PASSWORD`."""

    def __init__(self, tmp_path: Path, *options: str, certificate: str = "good", implicit: bool = False) -> None:
        self.scheme = "ftps" if implicit else "ftpes"
        options = (*options, "TLSOptions UseImplicitSSL") if implicit else options
        self.program, self.modules = _program()
        self.port, self.user = free_port(), getpass.getuser()
        self.place = tmp_path / f"proftpd-{self.port}"
        self.place.mkdir(mode=0o700)
        self.folder = tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        self.config = self.place / "config"
        self.config.write_text("\n".join([*self._config(pem(tmp_path, certificate)), *options, ""]))
        self._write_login()
        self.process: subprocess.Popen[bytes] | None = None

    def _config(self, certificate: Path) -> list[str]:
        return [
            'ServerName "test"',
            "ServerType standalone",
            f"Port {self.port}",
            "DefaultAddress 127.0.0.1",
            "SocketBindTight on",
            f"User {self.user}",
            f"Group {grp.getgrgid(os.getgid()).gr_name}",
            f"ModulePath {self.modules}",
            "LoadModule mod_tls.c",
            "LoadModule mod_digest.c",
            f"AuthUserFile {self.place / 'login'}",
            "AuthOrder mod_auth_file.c",
            "AuthPAM off",
            "RequireValidShell off",
            "RootLogin on",
            "UseFtpUsers off",
            f"PidFile {self.place / 'pid'}",
            f"ScoreboardFile {self.place / 'score'}",
            f"DelayTable {self.place / 'delay'}",
            "DelayEngine off",
            "UseReverseDNS off",
            "WtmpLog off",
            f"SystemLog {self.place / 'log'}",
            f"TransferLog {self.place / 'transfers'}",
            "AllowOverwrite on",
            "AllowStoreRestart on",
            "TimeoutLinger 2",
            "TLSEngine on",
            f"TLSLog {self.place / 'tls.log'}",
            f"TLSRSACertificateFile {certificate}" if _is_rsa(certificate) else f"TLSECCertificateFile {certificate}",
            f"TLSRSACertificateKeyFile {certificate}"
            if _is_rsa(certificate)
            else f"TLSECCertificateKeyFile {certificate}",
            "TLSRequired on",
            "TLSProtocol TLSv1.2 TLSv1.3",
        ]

    def _write_login(self) -> None:
        login = self.place / "login"
        login.write_text(f"{self.user}:{hashed()}:{os.getuid()}:{os.getgid()}::{self.folder}:/bin/sh\n")
        login.chmod(0o600)

    @property
    def login(self) -> str:
        return f"{self.scheme}://{self.user}@127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address of the folder."""
        return f"{self.login}{quote(str(self.folder))}/"

    def log(self) -> str:
        """What was said."""
        return "".join(file.read_text(errors="replace") for file in sorted(self.place.glob("*log")))

    def cut(self) -> None:
        """End every session, but go on listening."""
        for child in children(self.process.pid) if self.process else []:
            kill(child)

    def __enter__(self) -> Self:
        with (self.place / "words").open("wb") as words:
            command = [self.program, "-n", "-q", "-c", str(self.config)]
            self.process = host.start(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *exc: object) -> None:
        self.cut()
        if self.process:
            host.end(self.process)


def _program() -> tuple[str, str]:
    unpacked = UNPACKED / "usr/sbin/proftpd"
    if unpacked.exists():
        return str(unpacked), str(UNPACKED / "usr/lib/proftpd")
    return need("proftpd"), "/usr/lib/proftpd"


def _is_rsa(certificate: Path) -> bool:
    return "BEGIN RSA PRIVATE KEY" in certificate.read_text()
