"""An SSH server of another make than OpenSSH (paramiko's own), for logins that OpenSSH cannot offer without root's
user database: password, questions and codes. Its SFTP knows no limits@, fsync@ or statvfs@openssh.com.
"""

from __future__ import annotations

import base64
import os
import secrets
import socket
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_PARTIALLY_SUCCESSFUL,
    AUTH_SUCCESSFUL,
    OPEN_SUCCEEDED,
)

from app.context import Context
from tests.servers.sshd import fingerprint, make_key

SECRET, CODE = "correct horse; battery", "123456"
SHA2 = {"pubkeys": ["rsa-sha2-512", "rsa-sha2-256"], "keys": ["rsa-sha2-512", "rsa-sha2-256"]}
Round = tuple[str, str, list[tuple[str, str]]]  # title, instructions, prompts with their answers
FRESH = "the code that was sent"  # to be answered with the last of `PasswordServer.sent`
KINDS = {"password": "password", "key": "publickey"}


class PasswordServer:
    """`with PasswordServer(tmp_path, "password") as server`. *methods* must all succeed, in that order.

    A method is `key` (one of *keys*, public key files), `password`, `questions` (asks for the password by
    keyboard-interactive), `code` (asks for the password and for a code of the moment) or what is in *rounds*: a list
    of rounds, each a list of prompts and the answers to them. *old* makes it sign and take signatures as OpenSSH 5.3;
    *says* is the version that it says it is, one that names no signatures and takes RSA by SHA-1 only.
    """

    def __init__(
        self,
        tmp_path: Path,
        *methods: str,
        folder: Path | None = None,
        port: int = 0,
        keys: Sequence[Path] = (),
        rounds: dict[str, list[Round]] | None = None,
        old: bool = False,
        says: str = "",
    ) -> None:
        self.methods = list(methods) or ["password"]
        self.folder = folder or tmp_path / "uploads"
        self.folder.mkdir(exist_ok=True)
        self.old, self.says = old, says or ("SSH-2.0-OpenSSH_5.3" if old else "")
        self.keys = [base64.b64decode(key.read_text().split()[1]) for key in keys]
        asked, code = ("Password: ", SECRET), ("Code: ", CODE)
        self.rounds: dict[str, list[Round]] = {"questions": [("", "", [asked])], "code": [("", "", [asked, code])]}
        self.rounds |= rounds or {}
        self.key = make_key(tmp_path / "psshd" / f"host_{'rsa' if old else 'ed25519'}", "rsa" if old else "ed25519")
        self.fingerprint = fingerprint(self.key)
        self.attempts: list[str] = []
        self.sent: list[str] = []  # codes as a server sends them to a telephone, a new one each time it asks
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.refuse_at = -1  # the offset of one write that is refused, once
        self.hangs_up = 0  # so many passwords are answered by the end of the line
        self.transports: list[paramiko.Transport] = []

    def url(self, scheme: str = "ssh", user: str = "ada") -> str:
        path = f"{quote(str(self.folder))}/" if scheme == "sftp" else ""
        return f"{scheme}://{user}@127.0.0.1:{self.port}{path}"

    def known(self, ctx: Context) -> Context:
        ctx.answers.give(f"host-key ssh://127.0.0.1:{self.port}", self.fingerprint)
        return ctx

    def password(self, ctx: Context, scheme: str = "ssh", secret: str = SECRET) -> Context:
        ctx.answers.give(f"{scheme}://ada@127.0.0.1:{self.port}", secret)
        return ctx

    def __enter__(self) -> Self:
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.listener.close()
        for transport in self.transports:
            transport.close()

    def _serve(self) -> None:
        key = paramiko.PKey.from_path(str(self.key))
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            transport = paramiko.Transport(sock, disabled_algorithms=SHA2 if self.says else None)
            if self.says:
                transport.local_version, transport.server_sig_algs = self.says, False
            self.transports.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, _Files, self)
            with suppress(paramiko.SSHException, EOFError):
                transport.start_server(event=threading.Event(), server=_Door(self))


class _Door(paramiko.ServerInterface):
    def __init__(self, server: PasswordServer) -> None:
        self.server, self.left = server, list(server.methods)
        self.to_ask: list[Round] = []

    def get_allowed_auths(self, username: str) -> str:
        return KINDS.get(self.left[0], "keyboard-interactive")

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return self._passed() if self.left[0] == "key" and key.asbytes() in self.server.keys else AUTH_FAILED

    def check_auth_password(self, username: str, password: str) -> int:
        self.server.attempts.append(password)
        if self.server.hangs_up:
            self.server.hangs_up -= 1
            self.server.transports[-1].sock.close()
        return self._passed() if self.left[0] == "password" and password == SECRET else AUTH_FAILED

    def check_auth_interactive(self, username: str, submethods: str) -> Any:
        if self.left[0] in KINDS:
            return AUTH_FAILED
        self.to_ask = list(self.server.rounds[self.left[0]])
        return self._query()

    def _query(self) -> paramiko.InteractiveQuery:
        title, instructions, prompts = self.to_ask[0]
        if any(answer == FRESH for _, answer in prompts):
            self.server.sent.append(f"{secrets.randbelow(10**6):06}")
        query = paramiko.InteractiveQuery(title, instructions)
        for prompt, _ in prompts:
            query.add_prompt(prompt, False)
        return query

    def check_auth_interactive_response(self, responses: Sequence[str]) -> Any:
        self.server.attempts.append(" ".join(responses))
        right = [self.server.sent[-1] if answer == FRESH else answer for _, answer in self.to_ask.pop(0)[2]]
        if list(responses) != right:
            return AUTH_FAILED
        return self._query() if self.to_ask else self._passed()

    def _passed(self) -> int:
        if len(self.left) == 1:
            return AUTH_SUCCESSFUL
        self.left.pop(0)
        return AUTH_PARTIALLY_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        threading.Thread(target=_execute, args=(channel, command), daemon=True).start()
        return True


def _execute(channel: paramiko.Channel, command: bytes) -> None:
    given = channel.makefile("rb").read()
    done = subprocess.run(["/bin/sh", "-c", os.fsdecode(command)], input=given, capture_output=True, check=False)
    with suppress(OSError, EOFError):
        channel.sendall(done.stdout)
        channel.sendall_stderr(done.stderr)
        channel.send_exit_status(done.returncode)
        channel.close()


class _Handle(paramiko.SFTPHandle):
    def __init__(self, flags: int, place: PasswordServer) -> None:
        super().__init__(flags)
        self.place = place

    def write(self, offset: int, data: bytes) -> int:
        if offset <= self.place.refuse_at < offset + len(data):
            self.place.refuse_at = -1
            return paramiko.SFTP_FAILURE
        return int(super().write(offset, data))

    def stat(self) -> Any:
        return paramiko.SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))

    def chattr(self, attr: paramiko.SFTPAttributes) -> int:
        os.ftruncate(self.writefile.fileno(), attr.st_size)
        return paramiko.SFTP_OK


def _told(act: Any) -> Any:
    try:
        return act() or paramiko.SFTP_OK
    except OSError as exc:
        return paramiko.SFTPServer.convert_errno(exc.errno)


class _Files(paramiko.SFTPServerInterface):
    def __init__(self, door: _Door, place: PasswordServer) -> None:
        self.place = place

    def open(self, path: str, flags: int, attr: paramiko.SFTPAttributes) -> Any:
        def made() -> _Handle:
            file = os.fdopen(
                os.open(path, flags, 0o644), "r+b" if flags & os.O_RDWR or flags & os.O_WRONLY else "rb", 0
            )
            handle = _Handle(flags, self.place)
            handle.readfile = handle.writefile = file
            return handle

        if flags & os.O_WRONLY:
            flags = flags & ~os.O_WRONLY | os.O_RDWR
        return _told(made)

    def stat(self, path: str) -> Any:
        return _told(lambda: paramiko.SFTPAttributes.from_stat(Path(path).stat()))

    def remove(self, path: str) -> Any:
        return _told(lambda: Path(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> Any:
        if Path(newpath).exists():  # draft-ietf-secsh-filexfer-02 §6.5
            return paramiko.SFTP_FAILURE
        return _told(lambda: Path(oldpath).rename(newpath) and None)

    def posix_rename(self, oldpath: str, newpath: str) -> Any:
        return paramiko.SFTP_OP_UNSUPPORTED

    def canonicalize(self, path: str) -> str:
        return str((Path.home() / path).resolve())
