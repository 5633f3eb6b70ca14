"""An export at work: what is going on, how far it is, when it will be ready, and whether the lid may be closed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QPushButton

from app import acts, shelf, words
from app.errors import Trouble
from app.job import Job
from app.journal import State
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.story import Story
from ui.widgets.confirm import confirm
from ui.widgets.handover import Handover
from ui.widgets.nowbox import NowBox
from ui.widgets.pacing import Pacing
from ui.widgets.promises import Promises
from ui.widgets.stepstates import StepStates
from ui.widgets.text import add, breakable, button, card, label, row
from ui.widgets.troublebox import TroubleBox
from ui.work import Work


class RunPage(Page):
    """Renders a `Story`, which is made of events alone; `finished(state)` comes when everything is done."""

    key = "run"
    title = "The export"
    lead = "You need not do anything now. You may use the computer for other work."
    finished = Signal(object)
    undone = Signal()

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.job: Job | None = None
        self.story = Story()
        self.mode = ""  # what is going on: run, undo, give, open or nothing
        self._then = ""
        self.work = Work(answers, self)
        self.promises, self.now, self.states = Promises(), NowBox(), StepStates()
        self.pause = button(
            self.tr("&Pause"), self.hold, about=self.tr("Stop here; it goes on from the same place later")
        )
        self.go = button(self.tr("&Go on"), self.begin, "primary")
        self.undo = button(self.tr("&Cancel and undo …"), self._ask_undo, "danger")
        again = button(self.tr("&Try again"), self.begin, "primary")
        self.file = button(self.tr("I have the snapshot: choose its &file …"), self._choose_file, "primary")
        self.log_file = button(self.tr("&Open the log"), self._open_log)
        self.trouble = TroubleBox(again, self.file, self.log_file)
        self.again = again
        self.handover = Handover()
        self.handover.given.connect(self.give_all)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setMaximumBlockCount(500)
        self.log.setFixedHeight(self.fontMetrics().height() * 9)
        self.log.setAccessibleName(self.tr("What happened so far"))
        self.log.hide()
        self.more = button(self.tr("Show what &happened"), self._toggle)
        steps, inside = card()
        add(inside, label(self.tr("Steps"), "head"), self.states)
        add(self.body, self.promises, self.now, self.trouble)
        self.pacing = Pacing()
        add(self.body, self.handover, steps, self.pacing)
        add(self.body, row(self.more, None), self.log)
        self.body.addStretch(1)
        self._logged = 0
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._refresh)
        self.work.told.connect(self._told)
        self.work.done.connect(self._done)
        self.work.failed.connect(self._failed)
        self.work.stopped.connect(self._stopped)

    @property
    def always(self) -> tuple[QPushButton, ...]:
        """Pausing, going on and taking back are never scrolled out of sight."""
        return (self.undo, self.pause, self.go)

    @property
    def running(self) -> bool:
        """Whether something is under way."""
        return self.work.running

    def fill(self, draft: Draft) -> None:
        """Show the draft's export."""
        super().fill(draft)
        if draft.job and (self.job is None or draft.job.id != self.job.id) and not self.running:
            self.job = draft.job
            self.heading.setText(
                self.tr("The export “{name}”").format(name=breakable(words.plain(draft.job.image_name)))
            )
            self._renew()
            self.pacing.show_job(self.job)
        self._refresh()

    def open(self, job: Job, state: State) -> None:
        """Show an export of the shelf as its journal tells it, without starting anything."""
        self.fill(Draft(job=job))
        self.story.state = state
        self.story.steps = acts.steps(job)
        self._refresh()

    @Slot()
    def begin(self) -> None:
        """Do what is left of the export."""
        self._start("run", acts.run)

    @Slot()
    def hold(self) -> None:
        """Pause: stop at the next safe place."""
        self.pause.setEnabled(False)
        self.now.say(self.tr("Stopping at the next safe place …"))
        self.work.cancel()

    def take_back(self) -> None:
        """Undo everything, after what runs now has stopped."""
        if self.running:
            self._then = "undo"
            self.hold()
        else:
            self._start("undo", acts.undo)

    def _start(self, mode: str, act: Any) -> None:
        if self.job and not self.running:
            self.mode = mode
            self.trouble.hide()
            self.handover.hide()
            self.story = replace(self.story, retries=0, waiting="", running=True)
            self.work.start(partial(act, self.job, self.job.folder))
            self._clock.start()
            self._refresh()

    def _renew(self) -> None:
        self.story, self.mode, self._logged = Story(), "", 0
        self.log.clear()
        self.trouble.hide()
        self.handover.hide()

    @Slot(object)
    def _told(self, event: Any) -> None:
        self.story.take(event)
        if event.kind != "tick":
            self.states.show_story(self.story)
            self._write_log()
        self._refresh()

    @Slot(object)
    def _done(self, _: object) -> None:
        mode = self._ended()
        if mode == "give":
            self.begin()
        elif mode == "undo":
            self.undone.emit()
        else:
            self.finished.emit(self.story.state)

    @Slot(object)
    def _failed(self, why: Trouble) -> None:
        self._ended()
        kept = self.tr("It was tried {n} times; everything that got through is kept.").format(n=self.story.retries + 1)
        remedy = self._turn() if why.kind == "waiting" else why.remedy
        self.trouble.tell(replace(why, did=why.did or (kept if self.story.retries else ""), remedy=remedy))
        self._refresh()
        several = why.kind == "waiting" and self._ask_files()
        self.file.setVisible(why.kind == "waiting" and not several)
        self.again.setVisible(why.kind != "waiting")
        self.go.hide()
        QTimer.singleShot(0, self, self._show_trouble)

    def _turn(self) -> str:
        """What the person can do in this window when it is their turn: the remedy itself is one for a terminal."""
        if self.job and self.job.own_disks + self.job.grows:
            return self.tr(
                "When the files are on this computer, choose them below. You may close the program till then."
            )
        return self.tr("When the file is on this computer, choose it here. You may close the program until then.")

    @Slot()
    def _show_trouble(self) -> None:
        """In a small window it would lie below the edge."""
        self.area.ensureWidgetVisible(self.trouble, 0, 12)

    def _ask_files(self) -> bool:
        """Ask for the files of several disks, if it is several that are waited for."""
        if not self.job or not self.job.own_disks + self.job.grows:
            return False
        export = shelf.find(str(self.job.folder))
        self.handover.ask(acts.wanted_images(export), export.state.of("snapshot").get("given", {}))
        return True

    @Slot()
    def _stopped(self) -> None:
        self._ended()
        if self._then == "undo":
            self._then = ""
            self.take_back()

    def _ended(self) -> str:
        mode, self.mode = self.mode, ""
        self._clock.stop()
        self.story.running = False
        self.story.sentence = self.story.waiting = ""
        self._refresh()
        self.changed.emit()
        return mode

    @Slot()
    def _refresh(self) -> None:
        story, running = self.story, self.running
        story.running = running
        self.now.show_story(story, self.mode)
        self.states.show_story(story)
        if self.job:
            self.promises.show_story(self.job, story)
            self.pacing.setVisible(not self.job.target.startswith("file:") and not story.state.is_done("upload"))
        self.pause.setVisible(running)
        self.pause.setEnabled(running and not self._then)
        self.go.setVisible(not running and self.trouble.isHidden())
        touched = any(state != "undone" for state in story.state.steps.values())
        self.undo.setVisible(running or touched)
        self.undo.setText(self.tr("&Cancel and undo …") if running else self.tr("&Undo …"))
        self.what.setText(self.tr(self._lead(running)))
        self.undo.setEnabled(self.mode != "undo" and not self._then)

    def _lead(self, running: bool) -> str:
        if running:
            return self.lead
        if self.story.waits:
            return "It is your turn now: do what is written below. You may close the program until then."
        if self.trouble.isVisibleTo(self):
            return "It has stopped. Read what happened, then choose what to do; nothing is lost."
        return "Nothing is running now. Press “Go on” when you are ready."

    def _write_log(self) -> None:
        new = self.story.log[self._logged :] if self._logged <= len(self.story.log) else self.story.log
        self._logged = len(self.story.log) if len(self.story.log) < 500 else 499
        for sentence in new:
            self.log.appendPlainText(sentence)

    @Slot()
    def _toggle(self) -> None:
        wanted = self.log.isHidden()
        self.log.setVisible(wanted)
        self.more.setText(self.tr("Hide what &happened") if wanted else self.tr("Show what &happened"))

    @Slot()
    def _ask_undo(self) -> None:
        confirm(
            self,
            self.tr("Cancel this export and undo it?"),
            self.tr(
                "The sandbox is put back as it was. The snapshot, the files here and what was uploaded are removed. "
                "To go on later instead, choose Pause."
            ),
            self.tr("&Undo it"),
            self.tr("&Keep it"),
            self.take_back,
        )

    @Slot()
    def _choose_file(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose the snapshot that you downloaded"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.give)
        dialog.open()

    @Slot(str)
    def give(self, path: str) -> None:
        """Hand over the snapshot that the person made, and go on."""
        self._start("give", partial(_give, {"/": path}))

    @Slot(object)
    def give_all(self, files: Any) -> None:
        """Hand over the files of several disks (mount → path), and go on."""
        self._start("give", partial(_give, files))

    @Slot()
    def _open_log(self) -> None:
        if self.job:
            from ui.opening import show_file

            show_file(self.job.folder / "log.txt")


def _give(files: dict[str, str], job: Job, folder: Path, report: Any, cancel: Any, answers: Answers) -> None:
    for mount, path in files.items():
        acts.give_image(shelf.find(str(folder)), Path(path), mount)
