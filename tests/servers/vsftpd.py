"""A real vsftpd on 127.0.0.1, as Debian ships it: it demands that the data line resumes the TLS session."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Self

from app import host
from tests.ports import free_port
from tests.servers import need, wait_for_port
from tests.servers.sshd import children, kill
from tests.servers.tls import pem


class Vsftpd:
    """`with Vsftpd(tmp_path) as server: server.url` – anonymous, runs as whoever runs the tests.

    *options* are further lines of vsftpd.conf(5), `key=value`; *before* is a command put before vsftpd.
    """

    def __init__(
        self,
        tmp_path: Path,
        *options: str,
        implicit: bool = False,
        certificate: str = "good",
        folder: Path | None = None,
        before: tuple[str, ...] = (),
    ) -> None:
        self.program, self.port, self.implicit, self.before = need("vsftpd"), free_port(), implicit, before
        self.place = tmp_path / f"vsftpd-{self.port}"
        self.place.mkdir()
        self.folder = folder or tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        self.config = self.place / "config"
        lines = self._config(pem(tmp_path, certificate))
        lines.update(option.split("=", 1) for option in options)
        self.config.write_text("".join(f"{key}={value}\n" for key, value in lines.items()))
        self.process: subprocess.Popen[bytes] | None = None

    def _config(self, certificate: Path) -> dict[str, str]:
        yes = (
            "listen run_as_launching_user anonymous_enable no_anon_password anon_upload_enable anon_mkdir_write_enable "
            "anon_other_write_enable write_enable ssl_enable allow_anon_ssl force_anon_logins_ssl force_anon_data_ssl "
            "require_ssl_reuse log_ftp_protocol xferlog_enable debug_ssl"
        )
        no = "background local_enable anon_world_readable_only seccomp_sandbox xferlog_std_format listen_ipv6"
        return {
            **dict.fromkeys(yes.split(), "YES"),
            **dict.fromkeys(no.split(), "NO"),
            "listen_address": "127.0.0.1",
            "listen_port": str(self.port),
            "anon_root": str(self.folder),
            "secure_chroot_dir": str(self.place),
            "anon_umask": "022",
            "rsa_cert_file": str(certificate),
            "rsa_private_key_file": str(certificate),
            "ssl_ciphers": "HIGH",
            "implicit_ssl": "YES" if self.implicit else "NO",
            "vsftpd_log_file": str(self.place / "log"),
            "idle_session_timeout": "60",
            "data_connection_timeout": "60",
        }

    @property
    def scheme(self) -> str:
        """`ftps` or `ftpes`."""
        return "ftps" if self.implicit else "ftpes"

    @property
    def url(self) -> str:
        """The address of the folder."""
        return f"{self.scheme}://127.0.0.1:{self.port}/"

    def log(self) -> str:
        """What was said."""
        log = self.place / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def cut(self) -> None:
        """End every session, but go on listening."""
        for child in children(self.process.pid) if self.process else []:
            kill(child)

    def __enter__(self) -> Self:
        with (self.place / "words").open("wb") as words:
            command = [*self.before, self.program, str(self.config)]
            self.process = host.start(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words)
        wait_for_port(self.port, self.process)
        return self

    def __exit__(self, *exc: object) -> None:
        self.cut()
        if self.process:
            host.end(self.process)
