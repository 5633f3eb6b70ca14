"""List the exports on this computer, or tell all about one."""

from __future__ import annotations

import argparse
from typing import Any

from app import receipt, shelf, words
from app.commands import exporting
from app.commands.terminal import Terminal
from app.shelf import Export
from app.steps import steps_of

HELP = "list the exports, or tell all about one"
_STATES = {
    "done": "done", "started": "begun", "failed": "failed", "cancelled": "paused", "undone": "taken back", "": "to do",
}  # fmt: skip


def arguments(parser: argparse.ArgumentParser) -> None:
    """All or one."""
    parser.add_argument(
        "which", nargs="?", metavar="ID|FOLDER", help="an export's id (or its beginning), or its folder"
    )


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Tell it."""
    if args.which:
        return _one(shelf.find(args.which), terminal)
    found = shelf.exports()
    for export in found:
        terminal.say(f"{export.job.id}  {export.job.image_name} → {words.place(export.job.target)}")
        terminal.say(f"    {words.status(export)}")
    if not found:
        terminal.say("There are no exports on this computer yet. Try one: sandhopper rehearse")
    return {"exports": [_summary(export) for export in found]}


def _one(export: Export, terminal: Terminal) -> dict[str, Any]:
    terminal.say(f"{export.job.id}  {export.job.image_name}")
    terminal.say(f"  {words.status(export)}")
    terminal.say(f"  from   {words.place(export.job.source)}")
    terminal.say(f"  to     {words.place(export.job.target)}")
    terminal.say(f"  files  {export.folder} ({words.size(export.bytes_here)})")
    for step in steps_of(export.job):
        state = export.state.steps.get(step.name, "")
        terminal.say(f"  {_STATES.get(state, state):<11}{words.step_title(step.name)}")
    for found in receipt.findings(export.state):
        terminal.say(f"  · {words.finding(found)}")
    facts = exporting.told(export.job, export.folder, terminal)
    return {"export": {**_summary(export), "facts": export.state.facts}, **facts}


def _summary(export: Export) -> dict[str, Any]:
    return {
        "id": export.job.id,
        "name": export.job.image_name,
        "source": export.job.source,
        "target": export.job.target,
        "created": export.job.created,
        "practice": export.job.practice,
        "text": words.status(export),
        "finished": export.finished,
        "disturbed": export.disturbed,
        "steps": {step.name: export.state.steps.get(step.name, "") for step in steps_of(export.job)},
        "folder": str(export.folder),
        "bytes_here": export.bytes_here,
    }
