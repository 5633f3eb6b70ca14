"""Places for the contract of stores: a folder of this computer, and OpenSSH with and without a shell."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.context import Context
from app.stores import Store, open_store
from tests.servers import Place
from tests.servers.psshd import PasswordServer
from tests.servers.sshd import Sshd


def local(tmp_path: Path, context: Callable[..., Context], stack: ExitStack) -> Place:
    """A folder of this computer."""
    folder = tmp_path / "uploads"
    folder.mkdir()
    return Place(lambda ctx: open_store(folder.as_uri() + "/", ctx), folder, digests=True)


def openssh(tmp_path: Path, context: Callable[..., Context], stack: ExitStack) -> Place:
    """OpenSSH, key login, with a shell."""
    server = stack.enter_context(Sshd(tmp_path))
    return Place(lambda ctx: open_store(server.url("sftp"), server.known(ctx)), server.folder, digests=True)


def openssh_no_shell(tmp_path: Path, context: Callable[..., Context], stack: ExitStack) -> Place:
    """OpenSSH that allows SFTP and nothing else."""
    server = stack.enter_context(Sshd(tmp_path, only_sftp=True))
    return Place(lambda ctx: open_store(server.url("sftp"), server.known(ctx)), server.folder)


def paramiko_server(tmp_path: Path, context: Callable[..., Context], stack: ExitStack) -> Place:
    """An SSH server of another make, password login; its SFTP has none of OpenSSH's extensions."""
    server = stack.enter_context(PasswordServer(tmp_path))

    def made(ctx: Context) -> Store:
        return open_store(server.url("sftp"), server.password(server.known(ctx), "sftp"))

    return Place(made, server.folder, digests=True)
