"""What a check found: a drawing, a word, a sentence and a remedy each; never colour alone."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app import words
from app.context import Finding
from ui.look import Drawing
from ui.widgets.text import empty, label

GRADES = {"ok": ("good", "good", "Good"), "care": ("care", "care", "Take care"), "stop": ("bad", "bad", "In the way")}
WEIGHT = {"stop": 0, "care": 1, "ok": 2}


class Findings(QWidget):
    """A list of findings, the worst first."""

    def __init__(self) -> None:
        super().__init__()
        self._list = QVBoxLayout(self)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(10)

    def show_findings(self, found: Iterable[Finding]) -> None:
        """Show these instead."""
        empty(self._list)
        for finding in sorted(found, key=lambda f: WEIGHT.get(f.grade, 1)):
            self._list.addWidget(_Row(finding))


class _Row(QWidget):
    def __init__(self, finding: Finding) -> None:
        super().__init__()
        drawing, shade, grade = GRADES.get(finding.grade, GRADES["care"])
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(10)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        head = label(f"{grade}: {words.plain(finding.title)}", "head")
        texts.addWidget(head)
        if finding.text:
            texts.addWidget(label(words.plain(finding.text), "quiet", selectable=True))
        if finding.remedy and finding.grade != "ok":
            texts.addWidget(label(self.tr("What to do: ") + words.plain(finding.remedy), selectable=True))
        picture = Drawing(drawing, shade, 1.5)
        across.addWidget(picture, 0)
        across.addLayout(texts, 1)
        across.setAlignment(picture, across.alignment())
        self.setAccessibleName(words.finding(finding))
