"""List the kinds of target this program knows, or show the rules and the instructions of one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from app import words
from app.commands.terminal import Terminal

HELP = "list the kinds of target, or show one"


def arguments(parser: argparse.ArgumentParser) -> None:
    """All or one."""
    parser.add_argument("key", nargs="?", metavar="KEY", help="a target's short name")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Tell it."""
    from app import targets

    if args.key:
        target = targets.load(args.key)
        terminal.say(f"{target.title}\n  {target.summary}\n  takes {', '.join(words.form(f) for f in target.formats)}")
        terminal.say(f"  rules as of {target.dated}, from:")
        for source in target.sources:
            terminal.say(f"    {source.rule}\n      {source.url}")
        for text in (*target.cares, target.unproven):
            terminal.say(f"  · {text}" if text else "")
        terminal.say(f"\nFor the person at the other side:\n{target.sheet}")
        return {"target": asdict(target)}
    found = targets.all_targets()
    for target in found:
        terminal.say(f"{target.key:<16}{target.title}: {target.summary}")
    return {"targets": [asdict(target) for target in found]}
