"""Put a sandbox back as it was, from any computer: what was changed is written down on the sandbox itself."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from app import acts
from app.commands import options
from app.commands.terminal import Terminal
from app.errors import JobError

HELP = "put a sandbox back as it was"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which machine."""
    parser.add_argument("host", metavar="HOST", help="ssh://user@host, or user@host")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Put it back, and say what proves it."""
    url = options.machine_url(args.host)
    findings = terminal.act(lambda report, cancel, answers: acts.restore_sandbox(url, report, cancel, answers))
    if stops := [found for found in findings if found.grade == "stop"]:
        raise JobError(f"{stops[0].title} {stops[0].text}".strip(), stops[0].remedy, topic=stops[0].topic or "restore")
    return {"sandbox": url, "findings": [asdict(found) for found in findings]}
