"""All exports of this computer: what is unfinished, what is done, and what must be put back."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QVBoxLayout

from app import acts, shelf
from app.job import Job
from app.secrets import Answers
from ui.page import Page
from ui.shelved import Shelved, seen, shelved
from ui.widgets.confirm import confirm
from ui.widgets.exportrow import Banner, ExportRow
from ui.widgets.text import add, breakable, button, label, row
from ui.widgets.troublebox import TroubleBox
from ui.work import Work

AT_ONCE = 2  # rows made between two looks at the person's mouse and keys


class HomePage(Page):
    """Reads the shelf in a thread each time it is shown, and lays the rows a few at a time."""

    key = "home"
    title = "Sandhopper"
    lead = "Takes your cloud machine out of one cloud and brings it, proven, somewhere else."
    after = "Some questions, then it runs by itself. Your machine keeps running, and is afterwards as it was."
    new = Signal()
    rehearse = Signal(object)
    going_on = Signal(object)
    looking = Signal(object)

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.shelf = Work(answers, self, self.tr("The exports themselves were not touched."))
        self.work = Work(answers, self, self.tr("Nothing is lost: what was done is kept, and you can try it again."))
        begin = button(self.tr("&New export"), self.new.emit, "primary")
        about = self.tr(
            "Try everything with a made-up machine and servers inside this computer; nothing of yours is touched"
        )
        self.practice = button(self.tr("&Rehearse on the practice site"), self._rehearse, about=about)
        self.practice_about = label(about + ".", "quiet")
        self.trouble, self.state = TroubleBox(), label("", "quiet")
        self.banners, self.open, self.past = QVBoxLayout(), QVBoxLayout(), QVBoxLayout()
        self.open_head, self.past_head = label(self.tr("Not finished"), "head"), label(self.tr("Finished"), "head")
        self.none = label(
            self.tr("There is no export yet. New here? Rehearse first: it takes about two minutes."), "quiet"
        )
        add(self.body, row(begin, self.practice, None), self.practice_about, self.state, self.trouble, self.banners)
        add(self.body, self.none, self.open_head, self.open, self.past_head, self.past)
        self.body.addStretch(1)
        for head in (self.open_head, self.past_head, self.none):
            head.hide()
        self._waiting: list[Shelved] = []
        self.rows: dict[str, ExportRow] = {}
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._lay_some)
        self.shelf.done.connect(self._read)
        self.shelf.failed.connect(self.trouble.tell)
        self.work.done.connect(self._done)
        self.work.failed.connect(self._failed)
        self.work.stopped.connect(self.refresh)

    @Slot()
    def refresh(self) -> None:
        """Read the shelf anew."""
        self.shelf.start(shelved)

    @Slot(object)
    def _read(self, found: Any) -> None:
        for layout in (self.banners, self.open, self.past):
            _clear(layout)
        self.rows = {}
        self._waiting = list(found)
        self.none.setVisible(not found)
        self.open_head.setVisible(any(not one.finished for one in found))
        self.past_head.setVisible(any(one.finished for one in found))
        for one in found:
            if one.disturbed:
                banner = Banner(one)
                banner.put_back.connect(self.put_back)
                self.banners.addWidget(banner)
        self._timer.start(0)

    @Slot()
    def _lay_some(self) -> None:
        now, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        for one in now:
            made = ExportRow(one)
            made.go_on.connect(self.going_on)
            made.look.connect(self.looking)
            made.forget.connect(self._ask_forget)
            self.rows[one.job.id] = made
            (self.past if one.finished else self.open).addWidget(made)
        if not self._waiting:
            self._timer.stop()

    @Slot(object)
    def put_back(self, one: Any) -> None:
        """Put the sandbox of an export back as it was."""
        if not self.work.running:
            self.trouble.hide()
            self.state.setText(self.tr("Putting the sandbox back as it was …"))
            self.work.start(partial(acts.settle, one.job, one.folder))

    @Slot()
    def _rehearse(self) -> None:
        self.state.setText(self.tr("Making the practice export …"))
        self.work.start(_practice)

    @Slot(object)
    def _ask_forget(self, one: Any) -> None:
        self._forgetting = one
        said = self.tr("Its report and its files on this computer are deleted. What lies at the target is not touched.")
        title = self.tr("Delete “{name}” from this list?").format(name=breakable(one.name))
        confirm(self, title, said, self.tr("&Delete it"), self.tr("&Keep it"), self._forget)

    @Slot()
    def _forget(self) -> None:
        self.work.start(partial(_forget, str(self._forgetting.folder)))

    @Slot(object)
    def _done(self, made: Any) -> None:
        self.state.setText("")
        if isinstance(made, Job):
            self.rehearse.emit(made)
        elif made is not None:
            self.going_on.emit(made)
        self.refresh()

    @Slot(object)
    def _failed(self, why: Any) -> None:
        self.state.setText("")
        self.trouble.tell(why)
        self.refresh()


def _clear(layout: QVBoxLayout) -> None:
    while item := layout.takeAt(0):
        if widget := item.widget():
            widget.hide()
            widget.deleteLater()


def _practice(report: Any, cancel: Any, answers: Answers) -> Job | Shelved:
    begun = acts.begun_rehearsal()
    return seen(begun) if begun else acts.practice_job()


def _forget(folder: str, report: Any, cancel: Any, answers: Answers) -> None:
    acts.forget(shelf.find(folder))
