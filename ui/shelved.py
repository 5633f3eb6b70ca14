"""The shelf of exports as Home shows it, read in a thread: a window must not wait for a disk."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import shelf, words
from app.job import Job
from app.journal import State
from app.secrets import Answers


@dataclass(frozen=True)
class Shelved:
    """One export, with everything that has to be looked up done."""

    job: Job
    folder: Path
    state: State
    name: str
    when: str
    sentence: str
    finished: bool
    disturbed: bool
    started: bool
    here: int
    report: Path | None


def shelved(report: Any, cancel: threading.Event, answers: Answers) -> list[Shelved]:
    """All exports, the newest first."""
    return [seen(export) for export in shelf.exports() if not cancel.is_set()]


def seen(export: shelf.Export) -> Shelved:
    """One export, looked up; only for threads."""
    html = export.state.of("report").get("html")
    return Shelved(
        job=export.job,
        folder=export.folder,
        state=export.state,
        name=words.plain(export.job.image_name),
        when=words.moment(export.job.created),
        sentence=words.status(export),
        finished=export.finished,
        disturbed=export.disturbed,
        started=any(status != "undone" for status in export.state.steps.values()),
        here=export.bytes_here,
        report=Path(html) if html else None,
    )
