"""What a check found: a drawing, a word, a sentence and a remedy each; never colour alone."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app import words
from app.context import Finding
from ui.look import Drawing
from ui.widgets.helpbox import known, show_help
from ui.widgets.text import breakable, button, empty, label

GRADES = {"ok": ("good", "good", "Good"), "care": ("care", "care", "Take care"), "stop": ("bad", "bad", "In the way")}
WEIGHT = {"stop": 0, "care": 1, "ok": 2}
MOST, LONGEST = 60, 600  # findings that are drawn in one list, and letters of each text: a hostile machine has no end

_TYPED = re.compile(r" \(\S+=(?:merge|grow|disk|leave)\)")  # how a terminal is told: here it is a list to choose from


class Findings(QWidget):
    """A list of findings, the worst first."""

    def __init__(self) -> None:
        super().__init__()
        self._list = QVBoxLayout(self)
        self._list.setContentsMargins(0, 0, 0, 0)
        self._list.setSpacing(10)

    def show_findings(self, found: Iterable[Finding], *, remedies: bool = True) -> None:
        """Show these instead; without *remedies* where nothing is left to do."""
        empty(self._list)
        ordered = sorted(found, key=lambda f: WEIGHT.get(f.grade, 1))
        for finding in ordered[:MOST]:
            self._list.addWidget(FindingRow(finding if remedies else replace(finding, remedy="")))
        if (more := len(ordered) - MOST) > 0:
            self._list.addWidget(label(self.tr("… and {n} more.").format(n=f"{more:,}"), "quiet"))


class FindingRow(QWidget):
    """One finding; “More …” opens the help about it."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        drawing, shade, grade = GRADES.get(finding.grade, GRADES["care"])
        across = QHBoxLayout(self)
        across.setContentsMargins(0, 0, 0, 0)
        across.setSpacing(10)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        texts.addWidget(label(f"{self.tr(grade)}: {shown(finding.title)}", "head"))
        if finding.text:
            texts.addWidget(label(shown(finding.text), "quiet", selectable=True))
        if finding.remedy and finding.grade != "ok":
            texts.addWidget(label(self.tr("What to do: ") + shown(_TYPED.sub("", finding.remedy)), selectable=True))
        picture = Drawing(drawing, shade, 1.5)
        across.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        across.addLayout(texts, 1)
        if known(finding.topic):
            across.addWidget(self._more(finding), 0, Qt.AlignmentFlag.AlignTop)
        self.setAccessibleName(words.finding(finding)[:LONGEST])

    def _more(self, finding: Finding) -> QWidget:
        made = button(self.tr("More …"), partial(self._help, finding.topic), "link")
        made.setAccessibleName(self.tr("More about: {title}").format(title=words.plain(finding.title)[:200]))
        return made

    def _help(self, topic: str) -> None:
        show_help(topic, self)


def shown(text: str) -> str:
    """*text* from another machine, harmless, of bounded length, and with places to break."""
    made = words.plain(text)
    return breakable(made if len(made) <= LONGEST else made[:LONGEST] + " …")
