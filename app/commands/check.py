"""Look at everything a job needs (logins, space, tools, the line, the sandbox) and change nothing."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from app import acts, lines, words
from app.commands import exporting, options
from app.commands.terminal import Terminal
from app.context import Event, Finding
from app.errors import JobError
from app.sandbox.secret_findings import listed

_CARE = {1: " One thing to know about is named above.", 2: " The things to know about are named above."}
HELP = "look at everything a job needs, or at one machine; change nothing"
_HEADS = {"stop": "Stands in the way", "care": "Take care", "ok": "Good"}
_MARKS = {"stop": "✗", "care": "!", "ok": "✓"}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which job, or which machine."""
    what = "a job file, - for standard input, or an export's id; or a machine: ssh://user@host, or user@host"
    parser.add_argument("job", metavar="JOB|HOST", help=what)
    parser.add_argument("--folder", metavar="FOLDER", help="keep the export's files there")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Check; a finding that stands in the way is an error."""
    if _is_machine(args.job):
        return _machine(options.machine_url(args.job), terminal)
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


def _is_machine(text: str) -> bool:
    return text.startswith("ssh://") or ("@" in text and "/" not in text and not Path(text).exists())


def _machine(url: str, terminal: Terminal) -> dict[str, Any]:
    """The check-up of one machine, without any job."""
    look = terminal.act(lambda report, cancel, answers: acts.look_at_sandbox(url, report, cancel, answers))
    for found in look.findings if terminal.as_json else ():
        terminal.report(Event("act", "checkup", "finding", text=found.title, facts=asdict(found)))
    _tell(look.findings, terminal)
    facts = lines.checked(url, look)
    if stops := [found for found in look.findings if found.grade == "stop"]:
        terminal.result("check", facts)  # a program can read what stands in the way, and all the rest
        text = " ".join(f"{found.title} {found.text}".strip() for found in stops)
        raise JobError(text, stops[0].remedy, means="Nothing was changed.", topic=stops[0].topic)
    terminal.say("Nothing stands in the way.")
    return facts


def _tell(findings: Sequence[Finding], terminal: Terminal) -> None:
    """Print the findings by grade, the worst first."""
    for grade, head in _HEADS.items():
        of_grade = [found for found in findings if found.grade == grade]
        if of_grade:
            terminal.say(f"{head}:")
        for found in of_grade:
            terminal.say(f"  {_MARKS[grade]} {words.plain(found.title)}")
            for line in (found.text, found.remedy) if grade != "ok" else (found.text,):
                if line:
                    terminal.say(f"    {words.plain(line)}")
            if found.topic and grade != "ok":
                terminal.say(f"    More: sandhopper help {found.topic}")
        if of_grade:
            terminal.say()
