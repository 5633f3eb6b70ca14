"""Look at everything a job needs (logins, space, tools, the line, the sandbox) and change nothing."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from app import acts
from app.commands import exporting
from app.commands.terminal import Terminal
from app.errors import JobError
from app.sandbox.secret_findings import listed

_CARE = {1: " One thing to know about is named above.", 2: " The things to know about are named above."}
HELP = "look at everything a job needs; change nothing"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which job."""
    parser.add_argument("job", metavar="JOB", help="a job file, - for standard input, or an export's id")
    parser.add_argument("--folder", metavar="FOLDER", help="keep the export's files there")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Check; a finding that stands in the way is an error."""
    made = exporting.read_job(args.job, stdin_taken=args.secrets_stdin)
    folder = exporting.folder_of(args.folder, made)
    findings = terminal.act(lambda report, cancel, answers: acts.check(made, folder, report, cancel, answers))
    if lines := listed(findings):
        terminal.say("\n".join(["Secrets on the sandbox (“sandhopper help secrets” tells more):", *lines]))
    stops = [found for found in findings if found.grade == "stop"]
    if stops:
        text = " ".join(f"{found.title} {found.text}".strip() for found in stops)
        raise JobError(text, stops[0].remedy, means="Nothing was changed.", topic=stops[0].topic)
    care = sum(found.grade == "care" for found in findings)
    terminal.say(f"Nothing stands in the way.{_CARE.get(care, _CARE[2]) if care else ''}")
    return {"job": made.id, "findings": [asdict(found) for found in findings]}
