"""Questions whose buttons are verbs; never `exec()`, so that the program goes on meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget


def confirm(parent: QWidget, title: str, text: str, yes: str, no: str, act: Callable[[], object]) -> QMessageBox:
    """Ask; *act* is called when the person chooses *yes*. Esc and Enter mean *no*."""
    box = QMessageBox(parent)
    box.setObjectName("confirm")
    box.setWindowTitle(parent.window().windowTitle())
    box.setIcon(QMessageBox.Icon.Question)
    box.setTextFormat(Qt.TextFormat.PlainText)
    box.setText(title)
    box.setInformativeText(text)
    yes_button = box.addButton(yes, QMessageBox.ButtonRole.AcceptRole)
    no_button = box.addButton(no, QMessageBox.ButtonRole.RejectRole)
    box.setDefaultButton(no_button)
    box.setEscapeButton(no_button)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    yes_button.clicked.connect(act)
    box.open()
    return box
