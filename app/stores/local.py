"""A folder of this computer (or a USB disk, or a network drive)."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import host
from app.errors import JobError, Transient
from app.stores import BLOCK, Abilities, Acked

if TYPE_CHECKING:
    from app.context import Context

SYNC_EVERY = 64 << 20  # bytes; so that the last fsync does not take minutes on a USB stick
FAT_LIMIT = (1 << 32) - 1  # bytes of the longest file on FAT32 (Microsoft's FAT specification)


class Local:
    """The store of a `file:///folder/` URL."""

    def __init__(self, url: str, ctx: Context) -> None:
        self.url, self.ctx = url, ctx
        self.folder = Path(url2pathname(urlsplit(url).path))
        self.abilities = Abilities(digest=True)

    def open(self) -> None:
        """See that the folder is there."""
        with _explained(self.folder):
            if not stat.S_ISDIR(self.folder.stat().st_mode):
                raise NotADirectoryError(errno.ENOTDIR, "not a folder")

    def size(self, name: str) -> int | None:
        """Length in bytes, or None when there is no such file."""
        path = self._path(name)
        with _explained(path):
            found = path.stat() if os.path.lexists(path) else None
            if found is None:
                self.open()
                return None
            if not stat.S_ISREG(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, "not a file")
            return found.st_size

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from *offset* on, *length* of them at most."""
        path = self._path(name)
        with _explained(path), path.open("rb", buffering=0) as file:
            file.seek(offset)
            left = length if length is not None else -1
            while left and (block := file.read(min(BLOCK, left) if left > 0 else BLOCK)):
                self.ctx.stop_if_cancelled()
                left -= len(block) if left > 0 else 0
                yield block

    def write(self, name: str, blocks: Iterator[bytes], offset: int, acked: Acked) -> None:
        """Keep the first *offset* bytes and replace the rest; acknowledged is what the disk has taken."""
        path = self._path(name)
        with _explained(path):
            file = _opened_for_writing(path)
        with contextlib.closing(file):
            with _explained(path):
                file.truncate(offset)
                file.seek(offset)
            self._pour(path, file, blocks, acked)

    def _pour(self, path: Path, file: BinaryIO, blocks: Iterator[bytes], acked: Acked) -> None:
        unsynced = 0
        try:
            for block in blocks:
                with _explained(path, max(len(block), self.ctx.total - self.ctx.done)):
                    host.write_all(file, block)
                    unsynced += len(block)
                    if unsynced >= SYNC_EVERY:
                        os.fsync(file.fileno())
                        unsynced = 0
                acked(len(block))
        finally:
            with _explained(path):
                os.fsync(file.fileno())

    def rename(self, old: str, new: str) -> None:
        """Give a file its name in one step, replacing what had it."""
        source, goal = self._path(old), self._path(new)
        with _explained(goal):
            source.replace(goal)
            host.sync_folder(self.folder)

    def remove(self, name: str) -> None:
        """Delete a file; one that is gone already is fine."""
        path = self._path(name)
        with _explained(path):
            path.unlink(missing_ok=True)

    def digest(self, name: str, length: int | None = None) -> str | None:
        """SHA-256 (hex) of the first *length* bytes, read from the disk here."""
        made = hashlib.sha256()
        for block in self.read(name, 0, length):
            made.update(block)
        return made.hexdigest()

    def free(self) -> int | None:
        """Bytes that may still be written there."""
        return host.free_space(self.folder)

    def close(self) -> None:
        """Nothing is kept open."""

    def _path(self, name: str) -> Path:
        if name in ("", ".", "..") or "/" in name or "\0" in name or (os.sep == "\\" and "\\" in name):
            raise JobError(f"“{name}” is no file name.", "Choose a name without slashes.")
        return self.folder / name


def _opened_for_writing(path: Path) -> BinaryIO:
    """*path* open for writing at any place, made if need be; never through a symbolic link."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    handle = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o644)
    return os.fdopen(handle, "r+b", buffering=0)


@contextlib.contextmanager
def _explained(path: Path, wanted: int = 0) -> Iterator[None]:
    """Turn the system's error about *path* into words; *wanted* bytes were still to be written."""
    try:
        yield
    except OSError as exc:
        raise _in_words(exc, path, wanted) from exc


def _in_words(exc: OSError, path: Path, wanted: int) -> JobError:
    stored = _length(path)
    match exc.errno:
        case errno.ENOSPC | errno.EDQUOT:
            whose = "your quota on it" if exc.errno == errno.EDQUOT else "it"
            text = (
                f"The disk of {path.parent} is full: {stored:,} bytes of {path.name} are stored, {whose} has no room."
            )
            return JobError(text, _room_needed(path, wanted), means="What is stored stays.", topic="disk-full")
        case errno.EFBIG:
            return _too_big(path, stored)
        case errno.EACCES | errno.EPERM | errno.EROFS:
            why = "is read-only" if exc.errno == errno.EROFS else "is not yours to use like this"
            return JobError(f"{path} {why}.", "Choose another folder, or ask its owner.", topic="permission")
        case errno.ENOENT:
            missing = path if path.parent.is_dir() else path.parent
            return JobError(f"There is no {missing}.", "Check its name; is the disk plugged in?", topic="no-folder")
        case errno.EISDIR | errno.ENOTDIR | errno.ELOOP:
            what = {errno.EISDIR: "a folder", errno.ENOTDIR: "a file", errno.ELOOP: "a symbolic link"}[exc.errno]
            return JobError(f"{path} is {what}, which is in the way.", "Move it away, or choose another name.")
        case errno.ENAMETOOLONG:
            return JobError(f"The name {path.name} is too long for that disk.", "Choose a shorter one.")
        case errno.EIO | errno.ENODEV | errno.ENXIO | errno.ESTALE | errno.ETIMEDOUT:
            return Transient(f"The disk of {path.parent} does not answer ({exc.strerror}).", "Is it plugged in well?")
    return JobError(f"{path} cannot be used: {exc.strerror or exc}.", "Choose another folder, or try again.")


def _room_needed(path: Path, wanted: int) -> str:
    more = max(wanted - host.free_space(path.parent), 1)
    return f"Make room for {more:,} bytes more there, then go on."


def _too_big(path: Path, stored: int) -> JobError:
    if stored >= FAT_LIMIT - BLOCK:
        text = f"The disk of {path.parent} takes no files above 4 GiB (it is formatted as FAT32)."
        return JobError(text, "Format it as exFAT or NTFS, or choose another disk.", topic="fat")
    text = f"The system lets no file grow above {stored:,} bytes there."
    return JobError(text, "Ask for a higher limit (ulimit -f), or choose another folder.", topic="disk-full")


def _length(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0
