"""FTPS places for the contract of stores: vsftpd and ProFTPD (explicit, implicit), Pure-FTPd, pyftpdlib."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app.context import Context
from app.stores import open_store
from tests.servers import Place
from tests.servers.proftpd import Proftpd
from tests.servers.pureftpd import Pureftpd
from tests.servers.pyftpd import Pyftpd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

Make = Callable[..., Context]


def vsftpd(tmp_path: Path, context: Make, stack: ExitStack) -> Place:
    """vsftpd, explicit TLS on the ordinary port."""
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    return Place(lambda ctx: open_store(server.url, ctx), server.folder)


def vsftpd_implicit(tmp_path: Path, context: Make, stack: ExitStack) -> Place:
    """vsftpd, TLS from the first byte."""
    server = stack.enter_context(Vsftpd(tmp_path, implicit=True))
    trusted(tmp_path, stack)
    return Place(lambda ctx: open_store(server.url, ctx), server.folder)


def proftpd(tmp_path: Path, context: Make, stack: ExitStack) -> Place:
    """ProFTPD, which computes digests."""
    server = stack.enter_context(Proftpd(tmp_path))
    trusted(tmp_path, stack)
    return Place(lambda ctx: open_store(server.url, server.known(ctx)), server.folder, digests=True)


def proftpd_implicit(tmp_path: Path, context: Make, stack: ExitStack) -> Place:
    """ProFTPD, TLS from the first byte."""
    server = stack.enter_context(Proftpd(tmp_path, implicit=True))
    trusted(tmp_path, stack)
    return Place(lambda ctx: open_store(server.url, server.known(ctx)), server.folder, digests=True)


def pureftpd(tmp_path: Path, context: Make, stack: ExitStack) -> Place:
    """Pure-FTPd, which hashes nothing."""
    server = stack.enter_context(Pureftpd(tmp_path))
    trusted(tmp_path, stack)
    return Place(lambda ctx: open_store(server.url, server.known(ctx)), server.folder)


def pyftpd(tmp_path: Path, context: Make, stack: ExitStack) -> Place:
    """pyftpdlib, which knows MLST and resumes no session."""
    server = stack.enter_context(Pyftpd(tmp_path))
    trusted(tmp_path, stack)
    return Place(lambda ctx: open_store(server.url, server.known(ctx)), server.folder)
