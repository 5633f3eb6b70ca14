"""The folder behind the practice SFTP server: real files, and no way out of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import paramiko
from paramiko import SFTPAttributes
from paramiko.sftp import SFTP_FAILURE, SFTP_NO_SUCH_FILE, SFTP_OK

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")
BINARY = getattr(os, "O_BINARY", 0)  # Windows would change line ends


class OpenFile(paramiko.SFTPHandle):
    """One open file, read and written at offsets."""

    def __init__(self, path: Path, flags: int) -> None:
        super().__init__(flags)
        self._path = path
        keep = flags & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_EXCL)
        self._file = os.fdopen(os.open(path, keep | BINARY, 0o644), "r+b" if flags & 3 else "rb", buffering=0)

    def read(self, offset: int, length: int) -> bytes | int:
        """Up to *length* bytes."""
        try:
            self._file.seek(offset)
            return self._file.read(length)
        except OSError as exc:
            return int(paramiko.SFTPServer.convert_errno(exc.errno or 0))

    def write(self, offset: int, data: Buffer) -> int:
        """All of *data*."""
        try:
            self._file.seek(offset)
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as exc:
            return int(paramiko.SFTPServer.convert_errno(exc.errno or 0))
        return int(SFTP_OK)

    def stat(self) -> SFTPAttributes | int:
        """What it is."""
        return SFTPAttributes.from_stat(os.fstat(self._file.fileno()))

    def chattr(self, attr: SFTPAttributes) -> int:
        """Its length may be set."""
        if attr.st_size is not None:
            self._file.truncate(attr.st_size)
        return int(SFTP_OK)

    def close(self) -> None:
        """Close it."""
        self._file.close()


class Folder(paramiko.SFTPServerInterface):
    """The calls that a client makes, in the folder `root`; each answers with what was asked or an SFTP status."""

    root: Path

    def _at(self, path: str) -> Path:
        return self.root / self.canonicalize(path).lstrip("/")

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        """What lies in a folder."""
        return _tried(lambda: [SFTPAttributes.from_stat(f.stat(), f.name) for f in self._at(path).iterdir()])

    def stat(self, path: str) -> SFTPAttributes | int:
        """What it is."""
        return _tried(lambda: SFTPAttributes.from_stat(self._at(path).stat()))

    lstat = stat

    def open(self, path: str, flags: int, attr: SFTPAttributes) -> paramiko.SFTPHandle | int:
        """Open a file."""
        return _tried(lambda: OpenFile(self._at(path), flags))

    def remove(self, path: str) -> int:
        """Delete a file."""
        return _done(lambda: self._at(path).unlink())

    def rename(self, oldpath: str, newpath: str) -> int:
        """Give a new name that nothing has yet (draft-ietf-secsh-filexfer-02 §6.5)."""
        return int(SFTP_FAILURE) if self._at(newpath).exists() else self.posix_rename(oldpath, newpath)

    def posix_rename(self, oldpath: str, newpath: str) -> int:
        """Give a new name, replacing what had it (OpenSSH's extension)."""
        return _done(lambda: self._at(oldpath).replace(self._at(newpath)))

    def mkdir(self, path: str, attr: SFTPAttributes) -> int:
        """Make a folder."""
        return _done(lambda: self._at(path).mkdir())

    def rmdir(self, path: str) -> int:
        """Remove an empty folder."""
        return _done(lambda: self._at(path).rmdir())

    def chattr(self, path: str, attr: SFTPAttributes) -> int:
        """The length may be set; other looks are taken note of and no more."""
        if attr.st_size is not None:
            return _done(lambda: os.truncate(self._at(path), attr.st_size or 0))
        return int(SFTP_OK if self._at(path).exists() else SFTP_NO_SUCH_FILE)


def folder_server(root: Path) -> type[Folder]:
    """The kind of SFTP server that shows *root* as `/`."""
    return type("Rooted", (Folder,), {"root": root})


def _tried(act: Callable[[], T]) -> T | int:
    try:
        return act()
    except OSError as exc:
        return int(paramiko.SFTPServer.convert_errno(exc.errno or 0))


def _done(act: Callable[[], object]) -> int:
    def finish() -> int:
        act()
        return int(SFTP_OK)

    return _tried(finish)
