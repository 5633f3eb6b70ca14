"""One act of a page, started again with the person's answer as often as it asks for one."""

from __future__ import annotations

import threading
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QWidget

from app.errors import KEPT, Cancelled, NeedsAnswer, Question, Trouble
from app.secrets import Answers
from ui.runner import Act, Failure, Report, Runner
from ui.widgets.ask import KEYCHAIN, ONCE, Asking, ask


class Work(QObject):
    """Runs acts for a page, one at a time, and asks the person what an act cannot know.

    `done` brings what the act returned, `failed` a `Trouble`, `stopped` comes when the person
    cancelled or did not want to answer, `busy` whether something is running. All come after the thread has ended.
    *means*: what a failure of these acts means for the person's data, where it does not say so itself.
    """

    told = Signal(object)
    done = Signal(object)
    failed = Signal(object)
    stopped = Signal()
    busy = Signal(bool)

    def __init__(self, answers: Answers, page: QWidget, means: str = KEPT) -> None:
        super().__init__(page)
        self.answers, self._page, self._means = answers, page, means
        self._act: Act | None = None
        self._runner: Runner | None = None
        self._outcome: Any = None
        self._for_once: set[str] = set()  # what the answers are for that end with this act
        self.asking: Asking | None = None

    @property
    def running(self) -> bool:
        """Whether an act is under way or waits for an answer."""
        return self._runner is not None or self.asking is not None

    def start(self, act: Act) -> None:
        """Run *act*; one that is still under way is not disturbed."""
        if not self.running:
            self._act = act
            self._begin(act)

    def cancel(self) -> None:
        """Ask the act to stop; `stopped` comes when it has."""
        if self._runner:
            self._runner.cancel()
        elif self.asking:
            self.asking.reject()

    def _begin(self, act: Act) -> None:
        self.asking, self._outcome = None, None
        self._runner = Runner(act, self.answers, self._means)
        self._runner.told.connect(self._told)
        self._runner.result.connect(self._returned)
        self._runner.failed.connect(self._broke)
        self._runner.finished.connect(self._ended)
        self.busy.emit(True)
        self._runner.begin()

    @Slot(object)
    def _told(self, event: object) -> None:
        self.told.emit(event)

    @Slot(object)
    def _returned(self, value: object) -> None:
        self._outcome = value

    @Slot(object)
    def _broke(self, failure: object) -> None:
        self._outcome = failure

    @Slot()
    def _ended(self) -> None:
        if self._runner:
            self._runner.wait()
        self._runner, outcome, self._outcome = None, self._outcome, None
        if isinstance(outcome, Failure) and isinstance(outcome.exc, NeedsAnswer):
            self._ask(outcome.exc.question, outcome.trouble)
            return
        self._over()
        if not isinstance(outcome, Failure):
            self.done.emit(outcome)
        elif isinstance(outcome.exc, Cancelled):
            self.stopped.emit()
        else:
            self.failed.emit(outcome.trouble)

    def _ask(self, question: Question, why: Trouble) -> None:
        dialog = ask(question, why, self._page)
        self.asking = dialog
        dialog.answered.connect(self._answered)
        dialog.rejected.connect(self._declined)
        dialog.open()

    @Slot(str, str, str)
    def _answered(self, about: str, value: str, kept: str) -> None:
        if kept == ONCE:
            self._for_once.add(about)
        if self._act:
            self._begin(_answering(self._act, about, value, kept == KEYCHAIN))

    @Slot()
    def _declined(self) -> None:
        self.asking = None
        self._over()
        self.stopped.emit()

    def _over(self) -> None:
        while self._for_once:
            self.answers.let_go(self._for_once.pop())
        self.busy.emit(False)


def _answering(act: Act, about: str, value: str, keep: bool) -> Act:
    """*act* after the answer was given: in the thread, because a keyring may take its time."""

    def answered(report: Report, cancel: threading.Event, answers: Answers) -> Any:
        answers.give(about, value, keep=keep)
        return act(report, cancel, answers)

    return answered
