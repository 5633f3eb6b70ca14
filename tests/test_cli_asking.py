"""A person at a real terminal (a pseudo-terminal): fingerprints, passwords, Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import socket
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.passwords import PASSWORD
from tests.servers.psshd import CODE, SECRET, PasswordServer
from tests.servers.pyftpd import Pyftpd
from tests.servers.sshd import Sshd
from tests.servers.tls import pem

ROOT = Path(__file__).resolve().parents[1]


class Person:
    """Somebody who started the program in a terminal; `seen` is all that it has shown."""

    def __init__(self, *words: str) -> None:
        self.seen = ""
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            os.chdir(ROOT)
            os.environ["TERM"] = "xterm"
            os.execv(sys.executable, [sys.executable, "-m", "app", *words])

    def waits_for(self, text: str, seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while text not in self.seen:
            assert time.monotonic() < deadline, f"“{text}” was not shown: {self.seen}"
            assert self._more(), f"it ended without “{text}”: {self.seen}"

    def types(self, text: str) -> None:
        self.seen = ""
        os.write(self._terminal, text.encode())

    def leaves(self, seconds: float = 30) -> int:
        """Wait for the end; the exit status."""
        deadline = time.monotonic() + seconds
        while self._more():
            assert time.monotonic() < deadline, f"it did not end: {self.seen}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    @property
    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self._terminal)[3] & termios.ECHO)

    def _more(self) -> bool:
        if not select.select([self._terminal], [], [], 0.2)[0]:
            return True
        try:
            piece = os.read(self._terminal, 65536)
        except OSError:  # EIO: nobody holds the other end any more
            return False
        self.seen += piece.decode(errors="replace")
        return bool(piece)

    def gone(self) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self._terminal)


@pytest.fixture
def person() -> Iterator[type[Person]]:
    people: list[Person] = []

    class Ours(Person):
        def __init__(self, *words: str) -> None:
            super().__init__(*words)
            people.append(self)

    yield Ours
    for one in people:
        one.gone()


def test_a_host_key_is_compared_and_remembered(tmp_path: Path, person: type[Person]) -> None:
    with Sshd(tmp_path) as server:
        url = server.url("sftp")
        refusing = person("probe", url)
        refusing.waits_for("[y/N]")
        assert server.fingerprint in refusing.seen
        refusing.types("\n")  # the answer that comes first is No
        assert refusing.leaves() == 3
        assert "was not trusted, as you chose" in refusing.seen
        agreeing = person("probe", url)
        agreeing.waits_for("[y/N]")
        agreeing.types("y\n")
        assert agreeing.leaves(60) == 0
        assert "The line to" in agreeing.seen
        knowing = person("probe", url)
        assert knowing.leaves(60) == 0
        assert "[y/N]" not in knowing.seen


def test_an_old_server_is_used_only_after_a_yes(tmp_path: Path, person: type[Person]) -> None:
    with Sshd(tmp_path, options=["MACs hmac-sha1"]) as server:
        words = ("probe", server.url("sftp"), "--accept-host-key", server.fingerprint)
        refusing = person(*words)
        refusing.waits_for("[y/N]")
        assert "hmac-sha1" in refusing.seen
        refusing.types("\n")
        assert refusing.leaves() == 3
        assert "are not used, as you chose" in refusing.seen
        agreeing = person(*words)
        agreeing.waits_for("[y/N]")
        agreeing.types("y\n")
        assert agreeing.leaves(60) == 0
        knowing = person(*words)
        assert knowing.leaves(60) == 0
        assert "[y/N]" not in knowing.seen
        assert "reached by old ways" in knowing.seen


def test_a_code_is_typed_while_the_connection_waits(tmp_path: Path, person: type[Person]) -> None:
    with PasswordServer(tmp_path, "code") as server:
        typing = person("probe", server.url("sftp"), "--accept-host-key", server.fingerprint)
        typing.waits_for("Password (")
        typing.types(f"{SECRET}\n")
        typing.waits_for("Code (")
        assert not typing.echoes
        typing.types(f"{CODE}\n")
        assert typing.leaves(60) == 0
        assert "keyring" not in typing.seen
        assert server.attempts == [f"{SECRET} {CODE}"]
        assert len(server.transports) == 2  # one that ended at the question about its key, one for all the rest


def test_a_password_is_typed_unseen_and_a_wrong_one_asked_for_again(tmp_path: Path, person: type[Person]) -> None:
    pem(tmp_path, "good")
    data = tmp_path / "data.bin"
    data.write_bytes(os.urandom(100_000))
    with Pyftpd(tmp_path) as server:
        typing = person("upload", str(data), server.url, "--ca", str(tmp_path / "ca.pem"))
        typing.waits_for("Password (")
        assert not typing.echoes
        typing.types("wrong-S3cr3t\n")
        typing.waits_for("Password (")
        assert not typing.echoes
        typing.types(f"{PASSWORD}\n")
        assert typing.leaves(60) == 0
        assert PASSWORD not in typing.seen
        assert (server.folder / "data.bin").read_bytes() == data.read_bytes()
    for path in (tmp_path / "data").rglob("*"):
        assert not path.is_file() or PASSWORD.encode() not in path.read_bytes(), path


@pytest.mark.parametrize("answer", ["\n", "\x04", "\x03"])
def test_no_answer_is_an_answer(answer: str, tmp_path: Path, person: type[Person]) -> None:
    pem(tmp_path, "good")
    with Pyftpd(tmp_path) as server:
        silent = person("probe", server.url, "--ca", str(tmp_path / "ca.pem"))
        silent.waits_for("Password (")
        silent.types(answer)
        assert silent.leaves() == (130 if answer == "\x03" else 3)
        assert "error: " in silent.seen
        assert silent.echoes


def test_ctrl_c_stops_a_wait_at_once(person: type[Person]) -> None:

    with socket.socket() as deaf:  # takes the connection and never says a word
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        waiting = person("probe", f"sftp://me@127.0.0.1:{deaf.getsockname()[1]}/")
        deaf.accept()
        waiting.types("\x03")
        began = time.monotonic()
        assert waiting.leaves() == 130
        assert time.monotonic() - began < 5
        assert "error: Stopped, as you asked." in waiting.seen


def test_a_live_bar_moves_in_a_terminal_and_nothing_hostile_reaches_it(tmp_path: Path, person: type[Person]) -> None:
    disk = tmp_path / "a\x1b]0;owned\x07b.bin"
    disk.write_bytes(os.urandom(3 << 20))
    (tmp_path / "usb").mkdir()
    watching = person("upload", str(disk), str(tmp_path / "usb"), "--limit", "2M")
    assert watching.leaves(60) in (0, 2)
    assert "owned\x07" not in watching.seen
    clean = tmp_path / "clean.bin"
    clean.write_bytes(os.urandom(3 << 20))
    watching = person("upload", str(clean), str(tmp_path / "usb"), "--limit", "2M")
    assert watching.leaves(60) == 0
    assert re.search(r"\d\.\d MB of 3\.1 MB", watching.seen)
    assert "━" in watching.seen
