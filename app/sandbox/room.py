"""How much room the merge needs on the root disk, and how much is there: the forecast as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.job import Include
from app.sandbox.findings import MARGIN
from app.sandbox.look import Look
from app.sandbox.mounts import Mount


@dataclass(frozen=True)
class Room:
    """What is merged (*need*, bytes; *files*) against what is free on the root disk.

    *wanted* and *wanted_files* are with the reserve that must be left. *free_files* is 0 where the file system has no
    limit of its own (btrfs).
    """

    need: int
    wanted: int
    free: int
    used: int
    files: int
    wanted_files: int
    free_files: int

    @property
    def short(self) -> int:
        """The bytes that are missing; 0 when it fits."""
        return max(0, self.wanted - self.free) if self.need or self.files else 0

    @property
    def short_files(self) -> int:
        """The files that there is no room for; 0 when all fit."""
        return max(0, self.wanted_files - self.free_files) if self.free_files and self.files else 0

    @property
    def fits(self) -> bool:
        """Whether bytes and files fit."""
        return not self.short and not self.short_files


def room(look: Look, include: Sequence[Include]) -> Room:
    """The forecast for a sandbox that was looked at, by the same rule as `findings.for_job`."""
    merged = {one.mount for one in include if one.how == "merge"}
    mounts = [mount for mount in look.mounts if mount.path in merged]
    need, files = sum(_really(mount) for mount in mounts), sum(mount.files for mount in mounts)
    return Room(
        need, need + need // 10 + MARGIN, look.root_free, look.root_used,
        files, files + files // 10 + 100, look.root_free_inodes,
    )  # fmt: skip


def _really(mount: Mount) -> int:
    """The bytes of the files: XFS counts a hundredth of itself as used when it is empty."""
    return max(0, mount.used - (mount.size // 100 if mount.fstype == "xfs" else 0))
