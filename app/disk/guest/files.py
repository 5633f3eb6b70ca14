"""The files of an opened disk. What is changed is always a real path: `real` follows links, by rules."""

from __future__ import annotations

import os
import re
import secrets
import stat as modes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from app.disk.guest.shell import Refused, Shell

MOST = 4 << 20  # bytes of a settings file; a longer one is none
LINKS = 40  # as path_resolution(7)


@dataclass(frozen=True)
class Stat:
    """What lstat(2) says, as far as it is needed: *mtime* in seconds and nanoseconds."""

    mode: int
    uid: int
    gid: int
    size: int
    mtime: tuple[int, int]
    atime: tuple[int, int]
    inode: tuple[int, int] = (0, 0)

    @property
    def is_file(self) -> bool:
        """A regular file."""
        return modes.S_ISREG(self.mode)

    @property
    def is_folder(self) -> bool:
        """A folder."""
        return modes.S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """A symbolic link."""
        return modes.S_ISLNK(self.mode)

    @property
    def only_root_writes(self) -> bool:
        """Nobody but the administrator can have put anything there."""
        return self.uid == 0 and not self.mode & 0o002 and (self.gid == 0 or not self.mode & 0o020)


@dataclass
class Guest:
    """An opened disk: `call` is libguestfs itself, the rest are files below its root."""

    call: Shell
    scratch: Path
    _links: dict[str, str] = field(default_factory=dict)

    def close(self) -> None:
        """Write everything to the disk and end the machine; raises `JobError` when that fails."""
        self.call("umount-all")
        self.call("shutdown")
        process = self.call.process
        if process.stdin:
            process.stdin.close()
        process.wait(60)

    def words(self, command: str, *args: str | int) -> list[str]:
        """The lines that a command answers with."""
        return [line for line in os.fsdecode(self.call(command, *args)).split("\n") if line]

    def table(self, command: str, *args: str | int) -> dict[str, str]:
        """The answer of a command that says `name: value` a line."""
        pairs = (line.partition(": ") for line in self.words(command, *args))
        return {name.strip(): value for name, colon, value in pairs if colon}

    def lstat(self, path: str) -> Stat | None:
        """What lies at *path* (a last link is not followed), or None."""
        try:
            told = self.table("lstatns", path)
        except Refused:
            return None
        number = {name: int(value) for name, value in told.items() if re.fullmatch(r"-?\d+", value)}
        return Stat(
            number["st_mode"], number["st_uid"], number["st_gid"], number["st_size"],
            (number["st_mtime_sec"], number["st_mtime_nsec"]), (number["st_atime_sec"], number["st_atime_nsec"]),
            (number["st_dev"], number["st_ino"]),
        )  # fmt: skip

    def real(self, path: str, *, strict: bool = False) -> str:
        """*path* without links; with *strict* only such are followed as nobody but the administrator can have made.

        A name that is not there stays as it is. Raises `Refused` for a link that is not to be followed, or a loop.
        """
        return self._real(path, strict=strict, left=[LINKS])

    def _real(self, path: str, *, strict: bool, left: list[int]) -> str:
        done = ""
        parts = [part for part in path.split("/") if part not in ("", ".")]
        while parts:
            part = parts.pop(0)
            if part == "..":
                done = done.rpartition("/")[0]
                continue
            at = f"{done}/{part}"
            found = self.lstat(at)
            if not found or not found.is_link:
                done = at
                continue
            left[0] -= 1
            above = self.lstat(done or "/")
            if left[0] < 0 or (strict and not (found.uid == 0 and above and above.only_root_writes)):
                raise Refused(f"{at} is a link that somebody else made, so it is not followed.", topic="adapt")
            leads = self.readlink(at)
            parts = [part for part in leads.split("/") if part not in ("", ".")] + parts
            done = "" if leads.startswith("/") else done
        return done or "/"

    def readlink(self, path: str) -> str:
        """Where the link *path* leads, as it is written."""
        return os.fsdecode(self.call("readlink", path)).removesuffix("\n")

    def file(self, path: str) -> str:
        """The real path of the regular file *path*, or empty when there is none."""
        try:
            real = self.real(path)
        except Refused:
            return ""
        found = self.lstat(real)
        return real if found and found.is_file else ""

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; empty when it is none."""
        try:
            real = self.real(folder)
            found = self.lstat(real)
            if not found or not found.is_folder:
                return []
            local = self._local()
            self.call("ls0", real, str(local))
        except Refused:
            return []
        raw = local.read_bytes()
        local.unlink()
        return sorted(os.fsdecode(name) for name in raw.split(b"\0") if name)

    def below(self, folder: str, ending: str = "") -> list[str]:
        """The paths of the regular files right in *folder* that end so."""
        paths = (f"{folder.rstrip('/')}/{name}" for name in self.names(folder) if name.endswith(ending))
        return [path for path in paths if self.file(path)]

    def read(self, path: str, most: int = MOST) -> bytes:
        """The content of a settings file; empty when there is none, or when it is too long for one."""
        real = self.file(path)
        found = self.lstat(real) if real else None
        if not found or found.size > most:
            return b""
        local = self._local()
        self.call("download", real, str(local))
        data = local.read_bytes()
        local.unlink()
        return data

    def text(self, path: str) -> str:
        """The same as text, whatever its bytes are (`surrogateescape`)."""
        return self.read(path).decode("utf-8", "surrogateescape")

    def write(self, path: str, text: str | bytes, *, like: str = "", mode: int = 0o644) -> None:
        """Write a whole file. One that exists keeps owner, mode and labels; a new one takes them from *like*."""
        real = self.real(path)
        new = self.lstat(real) is None
        local = self._local()
        local.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape"))
        self.call("upload", str(local), real)
        local.unlink()
        if new:
            self.call("chmod", mode, real)
            self.label(real, like)

    def label(self, path: str, like: str = "") -> None:
        """Give a new file the SELinux label of *like*, or of its folder; without it a strict system cannot read it."""
        for other in (like, path.rpartition("/")[0] or "/"):
            try:
                context = self.call("lgetxattr", other, "security.selinux") if other else b""
            except Refused:
                continue
            if context:
                value = context.rstrip(b"\n\0").decode(errors="replace")
                self.call("lsetxattr", "security.selinux", value, len(value), path)
                return

    def folder(self, path: str) -> None:
        """Make a folder and what is above it, when they are missing."""
        self.call("mkdir-p", self.real(path))

    def time_back(self, path: str, was: Stat) -> None:
        """Give a file or folder the times that it had."""
        self.call("utimens", path, *was.atime, *was.mtime)

    @contextmanager
    def unnoticed(self, *folders: str) -> Iterator[None]:
        """Folders keep their times, whatever is made or deleted in them meanwhile."""
        before = [(folder, found) for folder in folders if (found := self.lstat(folder))]
        yield
        for folder, was in before:
            now = self.lstat(folder)
            if now and now.mtime != was.mtime:
                self.time_back(folder, was)

    def aside(self, path: str, ending: str = ".sandhopper-before") -> str:
        """Keep a copy of a file under another name beside it, unless one is kept already; returns its name."""
        real = self.real(path)
        kept = real + ending
        if self.lstat(kept) is None:
            self.call("cp-a", real, kept)
        return kept

    def remove(self, path: str) -> None:
        """Delete a file, link or folder with all in it; *path* must be real but for its last name."""
        self.call("rm-rf", path)

    def sh(self, script: str, patience: float = 1800) -> tuple[int, str]:
        """Run the guest's own shell in the machine (no network, nothing of this computer); its status and output.

        Raises `Refused` when it cannot run at all, e.g. because the disk is for another kind of processor.
        """
        mark = secrets.token_hex(8)
        said = self.call("sh", f"({script}) 2>&1 < /dev/null; s=$?; echo; echo {mark} $s", patience=patience)
        text, _, status = said.decode(errors="replace").rpartition(mark)
        return int(status.strip() or "1"), text.strip()

    def _local(self) -> Path:
        return self.scratch / secrets.token_hex(8)


def lines(text: str) -> Sequence[str]:
    """Lines as fstab and its kin have them: cut at newlines only."""
    return text.split("\n")
