"""Delete an export's files from this computer. Nothing elsewhere is touched."""

from __future__ import annotations

import argparse
from typing import Any

from app import acts, shelf, words
from app.commands.terminal import Terminal
from app.errors import JobError, Usage

HELP = "delete an export's files from this computer"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which export."""
    parser.add_argument("which", metavar="ID|FOLDER", help="an export's id (or its beginning), or its folder")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Delete, after asking."""
    export = shelf.find(args.which)
    if export.disturbed:
        raise JobError(
            "Your sandbox may still be changed by this export.",
            f"Put it back first: sandhopper undo {export.job.id}",
            means="Nothing was deleted.",
            topic="restore",
        )
    size = words.size(export.bytes_here)
    if not args.yes and not terminal.confirm(f"Delete {export.folder} ({size})?"):
        raise Usage("Nothing was deleted.", "To delete without being asked, add --yes.")
    acts.forget(export)
    terminal.say(f"Deleted {export.folder} ({size}).")
    return {"job": export.job.id, "folder": str(export.folder)}
