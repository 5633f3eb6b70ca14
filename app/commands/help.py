"""Read more about a trouble and what to do about it."""

from __future__ import annotations

import argparse
import difflib
from pathlib import Path
from typing import Any

from app.commands.terminal import Terminal
from app.errors import Usage

HELP = "read more about a trouble"
TOPICS = Path(__file__).resolve().parents[2] / "resources" / "help"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which topic."""
    parser.add_argument("topic", nargs="?", metavar="TOPIC", help="the word behind “more:” in an error")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Print the topic's text, or the list."""
    known = {file.stem: file for file in sorted(TOPICS.glob("*.md"))}
    if not args.topic:
        terminal.say("There is more about:\n" + "\n".join(f"  {topic:<20}{_title(known[topic])}" for topic in known))
        return {"topics": list(known)}
    if args.topic not in known:
        near = difflib.get_close_matches(args.topic, known, 1, 0.5)
        raise Usage(
            f"There is no help about “{args.topic}”.", f"Did you mean “{near[0]}”?" if near else "See: sandhopper help"
        )
    text = known[args.topic].read_text(encoding="utf-8")
    terminal.raw(text)
    return {"topic": args.topic, "text": text}


def _title(file: Path) -> str:
    return file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
