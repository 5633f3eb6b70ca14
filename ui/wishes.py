"""What the person asked for when starting the window: the rehearsal at once, or one export."""

from __future__ import annotations

import argparse
import threading
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, Slot

from app import shelf
from app.errors import JobError
from app.secrets import Answers
from ui.shelved import Shelved, seen
from ui.wizard import Wizard
from ui.work import Work


def understood(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The wishes, and what is left for Qt; ends the program as argparse does on a wrong one."""
    parser = argparse.ArgumentParser(prog="sandhopper-window", description="The window of Sandhopper.")
    parser.add_argument("export", nargs="?", default="", help="open this export: its id, or its folder")
    parser.add_argument("--rehearse", action="store_true", help="start the rehearsal on the practice site by itself")
    return parser.parse_known_args(arguments)


class Opening(QObject):
    """Shows the export that was named; what cannot be shown is told on Home."""

    def __init__(self, window: Wizard, which: str) -> None:
        super().__init__(window)
        self._window = window
        self.work = Work(window.answers, window.home)
        self.work.done.connect(self._found)
        self.work.failed.connect(window.home.trouble.tell)
        self.work.start(partial(_find, which))

    @Slot(object)
    def _found(self, one: Any) -> None:
        if one.started:
            self._window.look_at(one)
        else:
            self._window.open_job(one.job)


def _find(which: str, report: Any, cancel: threading.Event, answers: Answers) -> Shelved:
    export = shelf.find(which)
    if export.folder != export.job.folder.resolve():
        remedy = f"Go on with it in a terminal: sandhopper resume {export.folder}"
        raise JobError("That export lies outside of this program's own folder.", remedy, means="It was not touched.")
    return seen(export)
