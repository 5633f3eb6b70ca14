"""The promises that are always in sight: the sandbox, the time, the lid."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QGridLayout, QLabel

from app import words
from app.job import Job
from ui.look import Drawing
from ui.story import Story
from ui.widgets.text import label


class Promises(QFrame):
    """Three lines, each with a drawing."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(16, 10, 16, 10)
        self._grid.setColumnStretch(1, 1)
        self._grid.setHorizontalSpacing(10)
        self._pictures: dict[QLabel, Drawing] = {}
        self.sandbox, self.ready, self.lid = self._line(0, "machine"), self._line(1, "clock"), self._line(2, "laptop")

    def _line(self, number: int, drawing: str) -> QLabel:
        picture, made = Drawing(drawing, "accent_text", 1.3), label()
        self._pictures[made] = picture
        self._grid.addWidget(picture, number, 0)
        self._grid.addWidget(made, number, 1)
        return made

    def _tell(self, line: QLabel, text: str) -> None:
        line.setText(text)
        for part in (line, self._pictures[line]):
            part.setVisible(bool(text))

    def show_story(self, job: Job, story: Story) -> None:
        """Say how it stands."""
        self._tell(self.sandbox, self._sandbox(job, story))
        self._tell(self.ready, self._ready(story))
        free, why = words.may_close_lid(job, story.state, story.running)
        answer = self.tr("You can close the lid: yes.") if free else self.tr("You can close the lid: no.")
        self._tell(self.lid, f"{answer} {why}")

    def _sandbox(self, job: Job, story: Story) -> str:
        if not job.sandbox_url and job.source.startswith("file:"):
            return self.tr("Your file is only read; it stays as it is.")
        state = story.state
        if not job.merges or "prepare" not in state.steps:
            return self.tr("Your sandbox: untouched.")
        if state.is_done("restore") or not state.touched("prepare"):
            return self.tr("Your sandbox: as it was before, and checked.")
        return self.tr("Your sandbox: changed just now; it is put back as soon as the snapshot is taken.")

    def _ready(self, story: Story) -> str:
        if not story.running or not story.steps:
            return ""
        done = sum(story.state.is_done(step) for step in story.steps)
        steps = (
            self.tr("{done} of {all} steps are done.").format(done=done, all=len(story.steps)) if story.steps else ""
        )
        left = story.pace.left if not story.unit else None
        if left is None:
            return steps
        return f"{steps} {self.tr('This one: {clock}.').format(clock=words.clock(left))}"
