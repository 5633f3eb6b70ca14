"""The write-ahead journal on the practice machine, where the real one keeps it too: on its root disk."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path

from app import host

MOUNT = "/application"
KEPT = ("etc", "etc/fstab", "application", "var/lib")  # what gets its old times back


class State:
    """What the export *job* has noted on the machine in *home*."""

    def __init__(self, home: Path, job: str) -> None:
        self.root, self.data, self.job = home / "root", home / "data", job
        self.folder = self.root / "var/lib/sandhopper" / job
        self.place = self.root / MOUNT.lstrip("/")
        self.fstab = self.root / "etc/fstab"

    @classmethod
    def all(cls, home: Path) -> list[State]:
        """Every export that has the machine prepared; what was begun without a journal is none."""
        shelf = home / "root/var/lib/sandhopper"
        found = [cls(home, f.name) for f in sorted(shelf.iterdir())] if shelf.is_dir() else []
        return [s for s in found if s.exists()]

    def exists(self) -> bool:
        """Whether there is a journal."""
        return (self.folder / "journal").is_file()

    def begin(self, sha256: str, after: str) -> bool:
        """Keep the original bytes and times, then open the journal; False when fstab is not what was looked at."""
        before = self.fstab.read_bytes()
        if hashlib.sha256(before).hexdigest() != sha256:
            return False
        times = {name: (s.st_atime_ns, s.st_mtime_ns) for name in KEPT for s in [(self.root / name).stat()]}
        self.folder.mkdir(parents=True, exist_ok=True)
        host.write_whole(self.folder / "fstab.before", before)
        host.write_whole(self.folder / "fstab.after", after.encode("utf-8", "surrogateescape") or before)
        host.write_whole(self.folder / "times", json.dumps(times).encode())
        self.note("begin")
        return True

    def note(self, event: str) -> None:
        """One journal line, on the disk before we go on."""
        with (self.folder / "journal").open("a") as file:
            file.write(event + "\n")
            file.flush()
            os.fsync(file.fileno())

    def noted(self, event: str) -> bool:
        """Whether the journal has this line."""
        return event in (self.folder / "journal").read_text().splitlines()

    def time_back(self, *names: str) -> None:
        """Give files and folders of the root disk the times that they had."""
        times = json.loads((self.folder / "times").read_text())
        for name in names:
            os.utime(self.root / name, ns=tuple(times[name]))

    def forget(self) -> None:
        """Remove the journal and every trace of it."""
        times = json.loads((self.folder / "times").read_text())
        shutil.rmtree(self.folder)
        self.folder.parent.rmdir()
        os.utime(self.root / "var/lib", ns=tuple(times["var/lib"]))
