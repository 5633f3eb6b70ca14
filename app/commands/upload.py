"""Upload one file, resumably and verified. After any interruption the same command goes on where it was."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import hashlib
import time
from pathlib import Path
from typing import Any

from app import host
from app.addresses import split_target
from app.commands import exporting, options
from app.commands.terminal import Terminal
from app.errors import Usage
from app.job import Job, load
from app.journal import Journal

HELP = "upload one file, resumably and verified"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What and where to."""
    parser.add_argument("file", metavar="FILE")
    parser.add_argument("url", metavar="URL", help="a folder, or the file's full address")
    options.limit(parser)
    options.patience(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Upload it."""
    file = Path(args.file).expanduser().absolute()
    if not file.is_file():
        raise Usage(f"There is no file {file}.", "Check its name.")
    pace = {"limit": args.limit, "quiet": tuple(args.quiet), "until": args.until}
    made = _upload_only(file, options.target_url(args.url), pace)
    return exporting.go(made, made.folder, terminal, args.patience)


def _upload_only(file: Path, target: str, pace: dict[str, Any]) -> Job:
    """A job that has only the upload of *file* (and the report) left to do.

    The same file (name, length, time) and target make the same job, so calling again resumes it.
    """
    stat = file.stat()
    name = split_target(target)[1] or file.name
    key = "\0".join((str(file), str(stat.st_size), str(stat.st_mtime_ns), target))
    made = Job(
        file.as_uri(), target, id=f"upload-{hashlib.sha256(key.encode()).hexdigest()[:12]}", name=Path(name).stem,
        prove=False, created=round(time.time()), **pace,
    ).checked()  # fmt: skip
    host.private_folder(made.folder)
    with host.held(made.folder / "lock"), contextlib.closing(Journal(made.folder / "journal.jsonl")) as journal:
        if journal.state.is_done("convert"):
            return dataclasses.replace(load(made.folder), **pace)
        made.save(made.folder / "job.json")
        # it is hashed while it is sent: reading it once more before that would cost as long as a fast upload
        facts = {"path": str(file), "size": stat.st_size, "sha256": "", "mark": made.id[-12:], "own": False}
        journal.record("fetch", "done", **facts)
        journal.record("prove", "done", ok=False, verdict="not tried", reason="only an upload was asked for")
        journal.record("convert", "done", **facts, name=name, format=file.suffix.lstrip(".").lower())
    return made
