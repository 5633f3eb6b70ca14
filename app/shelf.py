"""The exports on this computer: one folder each, told from their files alone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from app import host
from app.errors import Usage
from app.job import Job, load
from app.journal import State, read
from app.steps import steps_of


@dataclass(frozen=True)
class Export:
    """One export on this computer, finished or not."""

    folder: Path
    job: Job
    state: State

    @property
    def finished(self) -> bool:
        """Whether every step has been done."""
        return all(self.state.is_done(step.name) for step in steps_of(self.job))

    @property
    def disturbed(self) -> bool:
        """Whether the person's sandbox may still be changed by this export."""
        return any(
            step.disturbs and self.state.touched(step.name) and not self.state.is_done(step.settled_by)
            for step in steps_of(self.job)
        )

    @property
    def running(self) -> bool:
        """Whether some window or terminal works on it just now."""
        return host.is_held(self.folder / "lock")

    @property
    def bytes_here(self) -> int:
        """Bytes that its files take on this computer's disk."""
        return sum(_allocated(f) for f in self.folder.rglob("*") if f.is_file() and not f.is_symlink())


def exports() -> list[Export]:
    """All exports, the newest first; folders that hold no readable job are left out."""
    home = host.jobs_home()
    found = [_opened(folder) for folder in home.iterdir()] if home.is_dir() else []
    return sorted((e for e in found if e), key=lambda e: e.job.created, reverse=True)


def find(which: str) -> Export:
    """The export of an id (or its unmistakable beginning) or a folder; raises `Usage`."""
    folder = Path(which)
    if (folder / "job.json").is_file():
        return Export(folder.resolve(), load(folder), read(folder / "journal.jsonl"))
    fitting = [e for e in exports() if e.job.id.startswith(which)]
    exact = [e for e in fitting if e.job.id == which]
    if len(exact or fitting) != 1:
        how_many = "are several exports" if fitting else "is no export"
        raise Usage(f"There {how_many} called “{which}” here.", "See them all with: sandhopper status")
    return (exact or fitting)[0]


def tidy(export: Export) -> None:
    """Delete the big files of a finished export from this computer; report, log and journal stay."""
    with host.held(export.folder / "lock"):
        shutil.rmtree(export.folder / "work", ignore_errors=True)


def forget(export: Export) -> None:
    """Delete an export's folder with all its files here; nothing elsewhere is touched."""
    with host.held(export.folder / "lock"):
        shutil.rmtree(export.folder / "work", ignore_errors=True)
    shutil.rmtree(export.folder)


def _opened(folder: Path) -> Export | None:
    try:
        return Export(folder, load(folder), read(folder / "journal.jsonl"))
    except Usage:
        return None


def _allocated(file: Path) -> int:
    stat = file.stat()
    return int(getattr(stat, "st_blocks", 0)) * 512 or stat.st_size
