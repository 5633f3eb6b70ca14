"""List the machines that a cloud of clouds.yaml shows, with the address to name them by."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from app import acts, words
from app.commands.terminal import Terminal

HELP = "list the machines of a cloud"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which cloud."""
    parser.add_argument("cloud", metavar="CLOUD", help="a name in clouds.yaml")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """List them."""
    found = terminal.act(lambda report, cancel, answers: acts.machines(args.cloud, report, cancel, answers))
    for machine in found:
        disk = words.size(machine.disk * 2**30) if machine.disk else "disk of unknown size"
        terminal.say(f"{machine.name}  {machine.status.lower()}, {disk}, {', '.join(machine.addresses)}".rstrip(", "))
        terminal.say(f"    {machine.url}{f'  ({machine.note})' if machine.note else ''}")
    if not found:
        terminal.say("This login sees no machine in that cloud.")
    return {"cloud": args.cloud, "machines": [asdict(machine) for machine in found]}
