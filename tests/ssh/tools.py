"""What the tests of logging in share."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import NeedsAnswer
from app.ssh import Ssh
from tests.servers.sshd import Sshd


def works(ssh: Ssh) -> bool:
    """Whether a command runs there; hangs up."""
    try:
        return ssh.run("echo hello").out == b"hello\n"
    finally:
        ssh.close()


def asked(ssh: Ssh) -> NeedsAnswer:
    """The question that the login ends with."""
    with pytest.raises(NeedsAnswer) as caught:
        ssh.open()
    assert not ssh.alive()
    return caught.value


def ssh_config(text: str) -> None:
    """Write ~/.ssh/config."""
    _in_ssh("config", text)


def known_hosts(text: str) -> None:
    """Write ~/.ssh/known_hosts."""
    _in_ssh("known_hosts", text + "\n")


def public(server: Sshd, number: int = 0) -> str:
    """The public host key, its kind before it."""
    key = server.host_keys[number]
    return " ".join(key.with_name(key.name + ".pub").read_text().split()[:2])


def _in_ssh(name: str, text: str) -> None:
    folder = Path.home() / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    (folder / name).write_text(text)
