"""Rehearse the whole export with nothing but this computer: no account, no cost, nothing of yours is touched."""

from __future__ import annotations

import argparse
from typing import Any

from app import acts
from app.commands import exporting, options
from app.commands.terminal import Terminal

HELP = "rehearse the whole export with nothing but this computer"
TOLD = (
    "Practice: the cloud, the sandbox and the upload server; they run inside this program, on this computer only.",
    "Real: the checks, the conversion, the test start, the hashing, the transfer with its resuming, the verification.",
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """How long to wait."""
    options.patience(parser)


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Rehearse; an interrupted rehearsal goes on."""
    for line in TOLD:
        terminal.hint(line)
    begun = acts.begun_rehearsal()
    made = begun.job if begun else acts.practice_job()
    folder = begun.folder if begun else made.folder
    if begun:
        terminal.hint(f"Going on with the rehearsal {made.id}.")
    facts = exporting.go(made, folder, terminal, args.patience)
    uploaded = acts.practice_image(facts["image"]["name"])
    terminal.say(f"The verified image of this rehearsal lies at {uploaded}")
    terminal.say(f"Delete it all with: sandhopper forget {made.id}")
    return {**facts, "practice": list(TOLD), "uploaded": str(uploaded)}
