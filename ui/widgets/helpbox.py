"""A help text of resources/help in a window of its own; the export goes on behind it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QTextBrowser, QVBoxLayout, QWidget

from ui.look import RESOURCES
from ui.widgets.text import button, row

FOLDER = RESOURCES / "help"


def known(topic: str) -> bool:
    """Whether there is a text about *topic*."""
    return topic.replace("-", "").isalnum() and (FOLDER / f"{topic}.md").is_file()


class HelpBox(QDialog):
    """One topic; Esc closes it."""

    def __init__(self, topic: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(self.tr("Help"))
        self.text = QTextBrowser()
        self.text.setOpenExternalLinks(True)
        self.text.setMarkdown((FOLDER / f"{topic}.md").read_text(encoding="utf-8"))
        self.text.setAccessibleName(self.tr("Help text"))
        close = button(self.tr("&Close"), self.accept, "primary")
        close.setDefault(True)
        inside = QVBoxLayout(self)
        inside.addWidget(self.text)
        inside.addLayout(row(None, close))
        letter, line = self.fontMetrics().averageCharWidth(), self.fontMetrics().height()
        self.resize(min(letter * 80, parent.window().width()), min(line * 24, parent.window().height()))


def show_help(topic: str, parent: QWidget) -> None:
    """Open the text about *topic*."""
    HelpBox(topic, parent).open()
