"""Go on with an export, wherever it was begun: in the window, in a terminal, on another day."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app import acts, parts, shelf
from app.commands import exporting, options
from app.commands.terminal import Terminal
from app.errors import Usage

HELP = "go on with an export"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which export."""
    parser.add_argument("which", metavar="ID|FOLDER", help="an export's id (or its beginning), or its folder")
    parser.add_argument("--image", metavar="FILE", help="the snapshot of the system disk, made and fetched by hand")
    parser.add_argument(
        "--disk", action="append", default=[], metavar="MOUNT=FILE",
        help="the same of a data disk that was asked for (=disk or =grow), e.g. /data=FILE",
    )  # fmt: skip
    options.patience(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Go on."""
    export = shelf.find(args.which)
    files = [_split(text) for text in ([f"/={args.image}"] if args.image else []) + args.disk]
    if files and not export.job.source.startswith("ssh:"):
        raise Usage("This export makes its own snapshot.", "Go on without --image and --disk.")
    for mount, file in files:
        acts.give_image(export, file, mount)
    return exporting.go(export.job, export.folder, terminal, args.patience)


def _split(text: str) -> tuple[str, Path]:
    """`MOUNT=FILE`, where the file must be there; raises `Usage`."""
    mount, _, name = text.partition("=")
    file = Path(name).expanduser().absolute()
    if not mount.startswith("/") or not name:
        raise Usage(f"“{text}” does not say which disk lies in which file.", "Write it as --disk /data=FILE.")
    if not file.is_file() or not file.stat().st_size:
        option = "--image" if mount == parts.SYSTEM else "--disk"
        raise Usage(f"There is nothing in a file {file}.", f"Check the name after {option}.")
    return mount.rstrip("/") or "/", file
