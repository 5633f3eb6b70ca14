"""Upload one file, resumably and verified. After any interruption the same command goes on where it was."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from app import acts
from app.commands import exporting, options
from app.commands.terminal import Terminal
from app.errors import Usage

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
    target = options.target_url(args.url)
    pace = {"limit": args.limit, "quiet": tuple(args.quiet), "until": args.until}
    made = terminal.act(lambda report, cancel, answers: acts.upload_job(file, target, pace, report, cancel, answers))
    return exporting.go(made, made.folder, terminal, args.patience)
