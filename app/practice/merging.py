"""The merge on the practice machine: the data disk's files into the folder below its mount point, then fstab."""

from __future__ import annotations

import filecmp
import os
import shutil
from pathlib import Path

from app import host
from app.practice.working import Working

PACE = 0.004  # seconds a file, so that there is something to watch


class Merging(Working):
    """Copy, compare, take the line out of fstab. Safe to repeat after an interruption."""

    name, last = "merge", "done"
    files, size = 0, 0

    def work(self) -> None:
        """The whole merge."""
        source, place = self.job.data, self.job.place
        names = sorted(f.relative_to(source) for f in source.rglob("*"))
        total = sum((source / n).stat().st_size for n in names if (source / n).is_file())
        for phase in ("copying", "comparing"):
            self.job.note(phase)
            done = 0
            for name in names:
                done += self._bring(source / name, place / name)
                self.progress = f"{phase} {done // 1024} {total // 1024}"
                self.breathe(PACE if phase == "copying" else 0)
        for name in reversed([Path(), *names]):
            shutil.copystat(source / name, place / name)
        fstab = self.job.fstab
        self.job.note("mask")
        looks = fstab.stat()
        host.write_whole(fstab, (self.job.folder / "fstab.after").read_bytes())
        fstab.chmod(looks.st_mode)
        self.files, self.size = len(names), total

    def told(self) -> list[str]:
        """Progress, and at the end how much it was."""
        return [*super().told(), *([f"files {self.files}", f"bytes {self.size}"] if self.files else [])]

    def _bring(self, file: Path, copy: Path) -> int:
        """Copy one thing unless an equal one is there; the bytes that it has."""
        if file.is_dir():
            copy.mkdir(exist_ok=True)
            return 0
        if not copy.exists() or not filecmp.cmp(file, copy, shallow=False):
            shutil.copy2(file, copy)
            os.utime(copy, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
        return file.stat().st_size
