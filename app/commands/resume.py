"""Go on with an export, wherever it was begun: in the window, in a terminal, on another day."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app import acts, shelf
from app.commands import exporting, options
from app.commands.terminal import Terminal
from app.errors import Usage

HELP = "go on with an export"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which export."""
    parser.add_argument("which", metavar="ID|FOLDER", help="an export's id (or its beginning), or its folder")
    parser.add_argument("--image", metavar="FILE", help="the snapshot that you made and fetched by hand")
    options.patience(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Go on."""
    export = shelf.find(args.which)
    if args.image:
        file = Path(args.image).expanduser().absolute()
        if not file.is_file() or not file.stat().st_size:
            raise Usage(f"There is nothing in a file {file}.", "Check the name after --image.")
        if not export.job.source.startswith("ssh:"):
            raise Usage("This export makes its own snapshot.", "Go on without --image.")
        acts.give_image(export, file)
    return exporting.go(export.job, export.folder, terminal, args.patience)
