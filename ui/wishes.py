"""What the person asked for when starting the window: the rehearsal at once, or one export."""

from __future__ import annotations

import argparse
import threading
from functools import partial
from typing import Any

from PySide6.QtCore import QObject, QTimer, Slot

from app import shelf
from app.errors import JobError
from app.secrets import Answers
from ui.shelved import Shelved, seen
from ui.wizard import Wizard
from ui.work import Work

READ = 3000  # milliseconds that the checks of a rehearsal stand there to be read before it starts


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


class Rehearsing(QObject):
    """Presses what a person presses in a rehearsal, in their sight; stops as soon as they do something else."""

    def __init__(self, window: Wizard) -> None:
        super().__init__(window)
        self._window = window
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._press)
        window.review.work.done.connect(self._checked)
        window.home.practice.click()

    @Slot(object)
    def _checked(self, _: object) -> None:
        review = self._window.review
        review.work.done.disconnect(self._checked)
        if self._ready():
            review.state.setText(
                self.tr("The checks are through; everything is ready. The rehearsal starts by itself.")
            )
            self._timer.start(READ)

    def _ready(self) -> bool:
        window, review = self._window, self._window.review
        practice = review.job is not None and review.job.practice
        return window.page is review and practice and not window.locked and not review.problem()

    @Slot()
    def _press(self) -> None:
        if self._ready():
            self._window.next.animateClick()


def _find(which: str, report: Any, cancel: threading.Event, answers: Answers) -> Shelved:
    export = shelf.find(which)
    if export.folder != export.job.folder.resolve():
        remedy = f"Go on with it in a terminal: sandhopper resume {export.folder}"
        raise JobError("That export lies outside of this program's own folder.", remedy, means="It was not touched.")
    return seen(export)
