"""Takes a check-up along: copied as text, or saved as text or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from app import host, lines, words
from app.secrets import Answers
from ui.widgets.findings import WEIGHT
from ui.widgets.text import add, button, label, row


class Keeping(QWidget):
    """“Copy” and “Save …” for what was seen on a machine."""

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers
        self._look: Any = None
        self._at = ""
        self.copy = button(self.tr("&Copy as text"), self._copy, about=self.tr("Copy the whole check-up"))
        about = self.tr("Save the whole check-up as text, or as JSON for programs")
        self.save = button(self.tr("Sa&ve …"), self._choose, about=about)
        self.said = label("", "quiet")
        buttons = row(self.copy, self.save, self.said)
        buttons.setStretch(2, 1)
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        add(inside, buttons)

    def take(self, look: Any, at: str) -> None:
        """Keep *look*, taken at the address *at*."""
        self._look, self._at = look, at
        self.said.setText("")

    def text(self) -> str:
        """The check-up for people, the worst first."""
        look = self._look
        found = sorted(look.findings, key=lambda one: WEIGHT.get(one.grade, 1))
        head = [words.plain(f"{look.hostname} ({self._at})"), words.plain(f"{look.os}, {look.kernel}"), ""]
        return self._answers.redact("\n".join([*head, *(words.finding(one) for one in found)])) + "\n"

    def json(self) -> str:
        """The check-up for programs: the line that `sandhopper check HOST --json` ends with."""
        return lines.line(lines.result("check", lines.checked(self._at, self._look)), self._answers)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self.said.setText(self.tr("Copied."))

    @Slot()
    def _choose(self) -> None:
        dialog = QFileDialog(self, self.tr("Save the check-up"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters([self.tr("Text (*.txt)"), "JSON (*.json)"])
        dialog.setDefaultSuffix("txt")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix("json" if "json" in chosen else "txt"))
        dialog.selectFile("check-up.txt")
        dialog.fileSelected.connect(self.write)
        dialog.open()

    @Slot(str)
    def write(self, path: str) -> None:
        """Write the file *path*; JSON when its name says so."""
        text = self.json() if path.lower().endswith(".json") else self.text()
        try:
            host.write_whole(Path(path), text.encode("utf-8", "backslashreplace"))
            self.said.setText(self.tr("Saved: {path}").format(path=path))
        except OSError as exc:
            why = exc.strerror or str(exc)
            self.said.setText(self.tr("It could not be saved: {why}. Choose another folder.").format(why=why))
