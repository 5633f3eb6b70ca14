"""The end: where the image lies, what proves it, and what is still lying about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFormLayout, QLabel, QLineEdit

from app import acts, choices, shelf, words
from app.context import Event
from app.job import Job
from app.journal import Facts, State
from app.secrets import Answers
from ui.opening import show_file
from ui.page import Page
from ui.widgets.confirm import confirm
from ui.widgets.text import add, breakable, button, card, label, row, whole_line
from ui.widgets.troublebox import TroubleBox
from ui.work import Work

MOST = 12  # changes that are told on the page; the report has all


class DonePage(Page):
    """Told from the journal's facts alone."""

    key = "done"
    title = "Done"
    lead = "The machine has arrived. Keep the report: it says what was done and how it was proven."
    home = Signal()

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.job: Job | None = None
        self.report: Path | None = None
        self.work = Work(answers, self, self.tr("The export itself is done; what lies at the target was not touched."))
        box, inside = card()
        self.practice = label(self.tr(words.REHEARSAL), "care")
        titles = {
            "place": self.tr("It lies at"),
            "size": self.tr("Size"),
            "sha256": "SHA-256",
            "proof": self.tr("Verified"),
            "start": self.tr("Test start"),
            "launch": self.tr("Start at the target"),
            "sandbox": self.tr("Your sandbox"),
            "moment": self.tr("The snapshot"),
            "changes": self.tr("Changed in the copy"),
            "secrets": self.tr("Secrets"),
            "left": self.tr("Not in the copy"),
            "disks": self.tr("Further disks"),
        }
        self.fields: dict[str, QLabel | QLineEdit] = {name: label("", selectable=True) for name in titles}
        self.fields["sha256"] = self.sha256 = whole_line()
        form = QFormLayout()
        form.setVerticalSpacing(8)
        for title, field in zip(titles.values(), self.fields.values(), strict=True):
            field.setAccessibleName(title)
            form.addRow(label(title, "quiet"), field)
        self.form = form
        self.open = button(self.tr("Open the &report"), self._open, "primary")
        self.copy = button(self.tr("&Copy the SHA-256"), self._copy)
        self.folder = button(self.tr("Show the &folder"), self._folder)
        add(inside, self.practice, form, row(self.open, self.copy, self.folder, None))
        left, below = card()
        self.leftovers = label()
        self.tidy = button(self.tr("&Delete the image here …"), self._ask_tidy, "danger")
        self.trouble = TroubleBox()
        add(
            below,
            label(self.tr("What is still lying about"), "head"),
            self.leftovers,
            row(self.tidy, None),
            self.trouble,
        )
        add(self.body, box, left)
        self.body.addStretch(1)
        self.work.done.connect(self._weighed)
        self.work.failed.connect(self.trouble.tell)

    def show_end(self, job: Job, state: State) -> None:
        """Tell the end of *job* from its journal."""
        self.job = job
        there, proved, put_back = state.of("upload"), state.of("prove"), state.of("restore")
        self.practice.setVisible(job.practice)
        texts = {
            "place": words.plain(there.get("url", "")),
            "size": words.size(there.get("size", 0)),
            "sha256": str(there.get("sha256", "")),
            "proof": words.verified(there),
            "start": self._start(proved),
            "launch": words.say(Event("", "launch", "done", facts=state.of("launch"))) if job.launch else "",
            "sandbox": words.plain(put_back.get("proof", "")),
            "changes": self._changes(state.of("adapt")),
            "secrets": self._secrets(job, state),
            "disks": "\n".join(_disk(disk) for disk in there.get("disks", [])),
            "moment": words.quiet(state.of("snapshot")),
            "left": "\n".join(words.left_out(job, state)),
        }
        for name, text in texts.items():
            self.fields[name].setText(breakable(text) if name in ("changes", "disks", "left") else text)
            self.form.setRowVisible(self.fields[name], bool(text))
        self.sha256.setCursorPosition(0)
        html = state.of("report").get("html")
        self.report = Path(html) if html else None
        self.open.setVisible(self.report is not None)
        self._snapshot = str(state.of("snapshot").get("image", ""))
        self._weigh()

    def _start(self, proved: Facts) -> str:
        left_out = self.tr("It was left out, as you asked.")
        return words.say(Event("", "prove", "done", facts=proved)) if proved else left_out

    def _changes(self, adapted: Facts) -> str:
        changes = [self._change(change) for change in adapted.get("changes", [])]
        if not changes:
            return words.plain(adapted.get("why_not", ""))
        more = [self.tr("… and {n} more, in the report").format(n=len(changes) - MOST)] if len(changes) > MOST else []
        return "\n".join([*changes[:MOST], *more])

    def _change(self, change: Facts) -> str:
        title = words.plain(change.get("title", ""))
        return title if change.get("grade") == "ok" else self.tr("Not done: {what}").format(what=title)

    def _secrets(self, job: Job, state: State) -> str:
        kept, gone = choices.decided(job, state)
        if not kept and not gone:
            return ""
        said = self.tr("{kept} kept, {gone} taken out of the copy") if gone else self.tr("{kept} kept, none taken out")
        return said.format(kept=f"{kept:,}", gone=f"{gone:,}")

    def _weigh(self) -> None:
        self.tidy.hide()
        self.leftovers.setText(self.tr("Looking …"))
        if self.job:
            self.work.start(partial(_weigh, self.job.folder))

    @Slot(object)
    def _weighed(self, here: Any) -> None:
        folder = self.job.folder if self.job else ""
        lines = [self.tr("On this computer: {size} in {folder}").format(size=words.size(here.size), folder=folder)]
        if here.practice:
            lines.append(self.tr("The practice server keeps its files here: {path}").format(path=here.practice))
        if self._snapshot.startswith("openstack:"):
            lines.append(self.tr("In the cloud: the snapshot, {place}").format(place=words.place(self._snapshot)))
        self.leftovers.setText("\n".join(lines))
        self.tidy.setVisible(here.size > 1_000_000)

    @Slot()
    def _open(self) -> None:
        if self.report and not show_file(self.report):
            self.leftovers.setText(self.tr("The report lies here: {path}").format(path=self.report))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.fields["sha256"].text())

    @Slot()
    def _folder(self) -> None:
        if self.job:
            show_file(self.job.folder)

    @Slot()
    def _ask_tidy(self) -> None:
        said = self.tr("The report and the log stay. What lies at the target is not touched.")
        title = self.tr("Delete the image files of this export from this computer?")
        confirm(self, title, said, self.tr("&Delete them"), self.tr("&Keep them"), self._delete)

    @Slot()
    def _delete(self) -> None:
        if self.job:
            self.work.start(partial(_tidy, self.job.folder))


def _disk(disk: Facts) -> str:
    """A further disk: what it held, its place, size and proof."""
    about = f"{words.size(disk.get('size', 0))}; {words.verified(disk)}"
    return words.plain(f"{disk.get('mount', '')}: {disk.get('url', '')} ({about})")


@dataclass(frozen=True)
class Here:
    """What lies on this computer: bytes of the export, and the practice server's copy."""

    size: int
    practice: Path | None


def _weigh(folder: Path, report: Any, cancel: Any, answers: Answers) -> Here:
    export = shelf.find(str(folder))
    name = str(export.state.of("upload").get("name", ""))
    return Here(export.bytes_here, acts.practice_image(name) if export.job.practice and name else None)


def _tidy(folder: Path, report: Any, cancel: Any, answers: Answers) -> Here:
    shelf.tidy(shelf.find(str(folder)))
    return _weigh(folder, report, cancel, answers)
