"""Run an export to its end. After any interruption the same command goes on where it was."""

from __future__ import annotations

import argparse
from typing import Any

from app.commands import exporting, options
from app.commands.terminal import Terminal

HELP = "run a job; goes on where it was after an interruption"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which job."""
    parser.add_argument("job", metavar="JOB", help="a job file, - for standard input, or an export's id")
    parser.add_argument("--folder", metavar="FOLDER", help="keep the export's files there (a USB disk, a big disk)")
    options.patience(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Run it."""
    made = exporting.read_job(args.job, stdin_taken=args.secrets_stdin)
    return exporting.go(made, exporting.folder_of(args.folder, made), terminal, args.patience)
