"""Change how fast an export may send, also while it runs in another terminal or window; without a RATE, tell it."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from app import shelf, words
from app.commands import options
from app.commands.terminal import Terminal
from app.throttle import Throttle, change, wanted

HELP = "change how fast an export may send, also while it runs"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which export, and how fast."""
    parser.add_argument(
        "which", metavar="ID|FOLDER", help="an export's id (or its beginning), or its folder; see: sandhopper status"
    )
    parser.add_argument(
        "rate", nargs="?", type=speed, metavar="RATE", help="2MB/s, 500k, 4Mbit …; none: as fast as possible"
    )
    options.quiet(parser)
    parser.add_argument("--no-quiet", action="store_true", help="no quiet hours any more")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Change it, and tell what holds now."""
    export = shelf.find(args.which)
    before = wanted(export.job, export.folder)
    now = before if args.rate is None else replace(before, limit=args.rate)
    if args.quiet or args.no_quiet:
        now = Throttle.read(now.limit, args.quiet)
    if now != before:
        change(export.job, export.folder, now)
        running = "takes it up within a second" if export.running else "will keep to it"
        terminal.hint(f"The export {export.job.id} {running}.")
    terminal.say(f"Limit: {words.rate(now.limit) if now.limit else 'none'}")
    for hours in now.quiet:
        terminal.say(f"Quiet hours: {hours.words}")
    return {"job": export.job.id, "limit": now.limit, "quiet": [str(hours) for hours in now.quiet]}


def speed(text: str) -> int:
    """Bytes a second; `none` for no limit."""
    return 0 if text.strip().lower() == "none" else options.speed(text)
