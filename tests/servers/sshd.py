"""A real OpenSSH server on 127.0.0.1 that runs as whoever runs the tests and lets in this test's key only."""

from __future__ import annotations

import base64
import getpass
import hashlib
import os
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self
from urllib.parse import quote

from app import host
from app.context import Context
from tests.ports import free_port
from tests.servers import need, wait_for_port


class Sshd:
    """OpenSSH's sshd: `with Sshd(tmp_path) as server: server.url("sftp")`.

    *only_sftp* forces internal-sftp (no shell, no commands); *read_only* is its `-R`; *options* are further lines of
    sshd_config; *before* is a command put before sshd (`prlimit --fsize=…`). The person's key lies where OpenSSH
    looks for it (~/.ssh/id_ed25519 of the test's own HOME) unless *key* is False. *sftp* is the SFTP server's program.
    *path* is the PATH of commands.
    """

    def __init__(
        self,
        tmp_path: Path,
        *,
        only_sftp: bool = False,
        read_only: bool = False,
        options: Sequence[str] = (),
        before: Sequence[str] = (),
        key: bool = True,
        host_keys: Sequence[str] = ("ed25519",),
        port: int = 0,
        sftp: str = "internal-sftp",
        path: str = "/usr/local/bin:/usr/bin:/bin",
    ) -> None:
        self.program, self.port, self.user = need("sshd"), port or free_port(), getpass.getuser()
        self.place = tmp_path / f"sshd-{self.port}"
        self.place.mkdir(mode=0o700, exist_ok=True)
        self.folder = tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        self.before, self.host_keys = list(before), [self._host_key(kind) for kind in host_keys]
        self.client_key = Path.home() / ".ssh" / "id_ed25519"
        if key:
            make_key(self.client_key)
            self.let_in(self.client_key)
        sftp += " -R" if read_only else ""
        # a home without the person's own .bashrc: a session that is killed must not leave its locks behind
        environment = f'SetEnv "HOME={self.place}" "PATH={path}"'
        forced = [f"ForceCommand {sftp}"] if only_sftp or read_only else []
        self.config = self.place / "config"
        # sshd_config(5): the first value of a word wins
        self.config.write_text("\n".join([*options, environment, *forced, *self._config(sftp), ""]))
        self.process: subprocess.Popen[bytes] | None = None

    def _config(self, sftp: str) -> list[str]:
        return [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            *(f"HostKey {key}" for key in self.host_keys),
            f"AuthorizedKeysFile {self.place / 'authorized'}",
            f"PidFile {self.place / 'pid'}",
            "StrictModes no",  # the tests' folders lie under a /tmp that everybody may write to
            "PermitRootLogin yes",
            "UsePAM no",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UseDNS no",
            "SetEnv SHLVL=2",  # else bash reads this person's ~/.bashrc (bash(1)), which may be slow or wait for a lock
            "MaxStartups 100",
            f"Subsystem sftp {sftp}",
        ]

    def _host_key(self, kind: str) -> Path:
        return make_key(self.place / f"host_{kind}", kind)

    def let_in(self, key: Path) -> None:
        """Let whoever has *key* log in."""
        with (self.place / "authorized").open("a") as file:
            file.write(key.with_name(key.name + ".pub").read_text())

    def url(self, scheme: str = "ssh", folder: Path | None = None) -> str:
        """The address of this server's folder."""
        path = f"{quote(str(folder or self.folder))}/" if scheme == "sftp" else ""
        return f"{scheme}://{self.user}@127.0.0.1:{self.port}{path}"

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the (first) host key, as `ssh-keygen -l` shows it."""
        return fingerprint(self.host_keys[0])

    def known(self, ctx: Context) -> Context:
        """*ctx*, in which the person has said yes to this server's host key."""
        ctx.answers.give(f"host-key ssh://127.0.0.1:{self.port}", self.fingerprint)
        return ctx

    def start(self) -> None:
        """Start listening."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd(8): privilege separation's empty folder
        with (self.place / "log").open("ab") as log:
            command = [*self.before, self.program, "-D", "-e", "-f", str(self.config)]
            self.process = host.start(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(self.port, self.process)

    def stop(self) -> None:
        """Stop listening and drop every connection, as when the machine loses power."""
        if self.process:
            self.cut()
            host.end(self.process)
            self.process = None

    def sessions(self) -> list[int]:
        """The process ids of the logged-in sessions."""
        return children(self.process.pid) if self.process else []

    def cut(self) -> None:
        """End every session, but go on listening."""
        for child in reversed(self.sessions()):  # sshd before its commands: they must not be seen to end
            kill(child)

    def log(self) -> str:
        """What the server said."""
        return (self.place / "log").read_text(errors="replace")

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a key pair unless it is there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        bits = ["-b", "2048"] if kind == "rsa" else []
        command = [need("ssh-keygen"), "-q", "-t", kind, *bits, "-N", passphrase, "-C", "test", "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def fingerprint(key: Path) -> str:
    """The SHA-256 fingerprint of a public key file (RFC 4648 base64 without padding, as OpenSSH prints it)."""
    blob = base64.b64decode(key.with_name(key.name + ".pub").read_text().split()[1])
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def children(pid: int) -> list[int]:
    """All processes below *pid*, the youngest generation first."""
    try:
        near = [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):  # it has ended, or is just ending
        return []
    return [below for child in near for below in (*children(child), child)]


def kill(pid: int) -> None:
    """End one process at once and wait until it is gone."""
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process is running (one that nobody has waited for yet is not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False
