"""Everything that can be seen of a folder: names, kinds, bytes, modes, times."""

from __future__ import annotations

import hashlib
from pathlib import Path


def listing(folder: Path) -> dict[str, tuple[object, ...]]:
    """Name → mode, time of change in nanoseconds, digest of the content."""
    return {f.relative_to(folder).as_posix(): _seen(f) for f in sorted(folder.rglob("*"))}


def _seen(file: Path) -> tuple[object, ...]:
    looks = file.lstat()
    content = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    return looks.st_mode, looks.st_mtime_ns, content
