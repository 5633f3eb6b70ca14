"""The SSH side of the practice site: password logins on loopback, one command runner or one SFTP folder each."""

from __future__ import annotations

import contextlib
import io
import secrets
import socket
import threading
from collections.abc import Callable
from typing import Any

import paramiko
from paramiko import common as ssh

from app.practice.record import USER

Answer = Callable[[str, bytes], tuple[int, bytes]]  # command line, its input → exit status, its output
WINDOW = 1 << 22  # bytes that may be under way on loopback
LINE = 0.2  # seconds between two looks for the end


class Login(paramiko.ServerInterface):
    """Lets in USER with the password; runs *answer* for commands when there is one."""

    def __init__(self, password: str, answer: Answer | None) -> None:
        self.password, self.answer = password, answer

    def get_allowed_auths(self, username: str) -> str:
        """Passwords only."""
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        """Compare the password."""
        good = username == USER and secrets.compare_digest(password.encode(), self.password.encode())
        return ssh.AUTH_SUCCESSFUL if good else ssh.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        """Sessions, no tunnels."""
        return ssh.OPEN_SUCCEEDED if kind == "session" else ssh.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """Run a command in a thread of its own."""
        if self.answer is None:
            return False
        given = (channel, command.decode(errors="replace"), self.answer)
        threading.Thread(target=_run, args=given, daemon=True).start()
        return True


def _run(channel: paramiko.Channel, line: str, answer: Answer) -> None:
    given = bytearray()
    with contextlib.suppress(OSError, EOFError):
        while block := channel.recv(1 << 16):
            given += block
        status, out = answer(line, bytes(given))
        channel.sendall(out)
        channel.send_exit_status(status)
    channel.close()


class SshServer:
    """An SSH server on 127.0.0.1:*port*. *sftp* is the SFTPServerInterface to offer, *answer* runs commands."""

    def __init__(self, port: int, key: str, password: str, answer: Answer | None, sftp: Any = None) -> None:
        self.key = paramiko.Ed25519Key(file_obj=io.StringIO(key))
        self._login, self._sftp = (password, answer), sftp
        self._socket = socket.create_server(("127.0.0.1", port), backlog=16)
        self._open: set[paramiko.Transport] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self) -> None:
        """End at once; open connections are cut."""
        self._over.set()
        self._thread.join()
        self._socket.close()
        self.cut()

    def cut(self) -> None:
        """Cut every open connection, but go on serving."""
        for transport in list(self._open):
            transport.close()
        self._open.clear()

    def _serve(self) -> None:
        self._socket.settimeout(LINE)
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                line, _ = self._socket.accept()
                threading.Thread(target=self._talk, args=(line,), daemon=True).start()

    def _talk(self, line: socket.socket) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = paramiko.Transport(line, default_window_size=WINDOW)
        self._open.add(transport)
        transport.add_server_key(self.key)
        if self._sftp:
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, self._sftp)
        try:
            transport.start_server(server=Login(*self._login))
        except (paramiko.SSHException, OSError, EOFError):
            transport.close()
        while transport.is_active() and not self._over.wait(LINE):
            continue
        self._open.discard(transport)
