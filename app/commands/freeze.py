"""Hold all writing to a sandbox's system disk while you make its snapshot by hand; it always ends by itself."""

from __future__ import annotations

import argparse
import math
import sys
import threading
from typing import Any

from app import acts, words
from app.commands import options
from app.commands.streams import person_here
from app.commands.terminal import Terminal
from app.errors import JobError, Usage
from app.job import LONGEST_FREEZE

HELP = "hold a sandbox's writing while you make its snapshot"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Which machine, and for how long."""
    parser.add_argument("host", metavar="HOST", help="ssh://user@host, or user@host")
    parser.add_argument(
        "--seconds", type=int, default=20, metavar="N", help=f"at the most (20; up to {LONGEST_FREEZE})"
    )
    parser.add_argument("--pause-services", action="store_true", help="even if programs work on its system disk")


def run(args: argparse.Namespace, terminal: Terminal) -> dict[str, Any]:
    """Freeze, count down, thaw, and say how long it was."""
    if not 1 <= args.seconds <= LONGEST_FREEZE:
        raise Usage(f"Writing can be held for 1 to {LONGEST_FREEZE} seconds.", "Choose another --seconds.")
    url, countdown = options.machine_url(args.host), _Countdown(terminal)
    silence = terminal.act(
        lambda report, cancel, answers: acts.freeze_sandbox(
            url, args.seconds, args.pause_services, countdown.over, report, cancel, answers
        )
    )
    terminal.cancel.clear()  # Ctrl-C was one of the ways to end it
    if not silence.proven:
        raise JobError(
            "It was not seen that the sandbox writes to its system disk again.",
            "The watchers there thaw it within a minute. If commands still hang: fsfreeze -u / on its console.",
            topic="freeze",
        )
    terminal.say(f"The sandbox stood still for {words.duration(math.ceil(silence.seconds))} and writes again.")
    return {"sandbox": url, "seconds": silence.seconds, "proven": silence.proven}


class _Countdown:
    """Tells the person that it is time, counts down, and sees when they press Enter."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal, self._told = terminal, 0
        self._pressed = threading.Event()

    def over(self, left: float) -> bool:
        """Whether Enter was pressed; told some times a second with the seconds left."""
        if not self._told:
            self._terminal.hint("It is frozen. Make the snapshot NOW: press the button on the cloud's web page.")
            if person_here() and not self._terminal.as_json:
                self._terminal.hint("Press Enter as soon as the page says that the snapshot has begun.")
                threading.Thread(target=self._wait, daemon=True).start()
        whole = math.ceil(left)
        if whole != self._told and (whole % 5 == 0 or whole < 5 or not self._told):
            self._terminal.hint(f"{whole} s left")
        self._told = whole
        return self._pressed.is_set()

    def _wait(self) -> None:
        if sys.stdin.readline():
            self._pressed.set()
