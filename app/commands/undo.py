"""Take back everything an export did: on the sandbox, in the cloud, at the target. Safe to repeat."""

from __future__ import annotations

import argparse
from typing import Any

from app import acts, shelf
from app.commands.terminal import Terminal

HELP = "take back everything an export did"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which export."""
    parser.add_argument("which", metavar="ID|FOLDER", help="an export's id (or its beginning), or its folder")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Take it back."""
    found = shelf.find(args.which)
    terminal.act(lambda report, cancel, answers: acts.undo(found.job, found.folder, report, cancel, answers))
    terminal.say(f"The export {found.job.id} is taken back.")
    return {"job": found.job.id, "folder": str(found.folder)}
