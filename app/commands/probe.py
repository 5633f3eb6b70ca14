"""Measure the line to an upload place with the real account, and find out what the place can do."""

from __future__ import annotations

import argparse
from typing import Any

from app import acts, bandwidth, words
from app.addresses import split_target
from app.commands import options
from app.commands.terminal import Terminal

USUAL = 20 * 10**9  # bytes of an image, for an example
HELP = "measure the line to an upload place"
_CAN = {
    "rename": "give a finished file its name", "resume": "go on after a cut", "read": "read files back",
    "remove": "delete files", "size": "tell lengths", "digest": "compute SHA-256 itself",
    "whole": "takes a file only in one piece",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which place."""
    parser.add_argument("url", metavar="URL", help="e.g. sftp://me@data.example.org/incoming/")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Measure, and tell."""
    url = split_target(options.target_url(args.url))[0]
    line = terminal.act(lambda report, cancel, answers: acts.probe_line(url, report, cancel, answers))
    terminal.say(f"The line to {words.place(url)}: {words.rate(line.median)} (at its slowest {words.rate(line.low)}).")
    if line.median:
        took = bandwidth.span(*bandwidth.forecast(USUAL, line))
        terminal.say(f"{words.size(USUAL)} would take {took}, without a pause.")
    for name, able in line.abilities.as_json().items():
        terminal.say(f"  {'yes' if able else 'no ':<4}{_CAN.get(name, name)}")
    return {"url": url, "line": line.as_json()}
