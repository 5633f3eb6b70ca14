"""How fast a running export may send: changed here, it holds within a second."""

from __future__ import annotations

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app import words
from app.job import Job
from app.throttle import Throttle, change, wanted
from ui.widgets.fold import Fold
from ui.widgets.quiet import MB, QuietHours, speed_box
from ui.widgets.text import add, button, label, row


class Pacing(QWidget):
    """Folded away until somebody wants it."""

    def __init__(self) -> None:
        super().__init__()
        self._job: Job | None = None
        self.fold = Fold()
        self.limit = speed_box(self.tr("as fast as possible"), self.tr("Speed limit of the upload"))
        self.quiet = QuietHours()
        self.go = button(self.tr("Use it from &now on"), self._use)
        self.said = label("", "quiet")
        word = label(self.tr("Speed &limit"))
        word.setWordWrap(False)
        word.setBuddy(self.limit)
        add(self.fold.inside, row(word, self.limit, None), self.quiet, row(self.go, None), self.said)
        self.fold.fold(self.tr("Speed limit and quiet hours"))
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        inside.addWidget(self.fold)

    def show_job(self, job: Job) -> None:
        """Show what holds for *job*."""
        self._job = job
        now = wanted(job, job.folder)
        self.limit.setValue(now.limit / MB)
        self.quiet.fill(tuple(map(str, now.quiet)))
        self.said.hide()

    @Slot()
    def _use(self) -> None:
        if self._job:
            now = Throttle.read(round(self.limit.value() * MB), self.quiet.value())
            change(self._job, self._job.folder, now)
            limit = self.tr("at most {rate}").format(rate=words.rate(now.limit)) if now.limit else self.limit.text()
            said = [self.tr("From now on: {limit}").format(limit=limit), *(hours.words for hours in now.quiet)]
            self.said.setText("; ".join(said) + ".")
            self.said.show()
