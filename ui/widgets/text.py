"""Labels, buttons and boxes in the few shapes that the pages use."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QBoxLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)


def label(text: str = "", role: str = "", *, selectable: bool = False) -> QLabel:
    """A wrapping label of plain text (never markup: names come from servers), styled by *role* in style.qss."""
    made = QLabel(text)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(True)
    made.setProperty("role", role)
    policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
    policy.setHeightForWidth(True)
    made.setSizePolicy(policy)
    if selectable:
        made.setMinimumWidth(1)  # a long address or path is cut here rather than pushing buttons out of the window
        flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        made.setTextInteractionFlags(flags)
    return made


def whole_line() -> QLineEdit:
    """A text that must be copied whole (a hash): never broken; it can be scrolled and selected where it is cut."""
    made = QLineEdit()
    made.setReadOnly(True)
    made.setFrame(False)
    made.setTextMargins(-2, 0, 0, 0)  # in line with the labels around it: Qt has two pixels of its own
    made.setProperty("role", "whole")
    return made


def breakable(text: str) -> str:
    """*text* with places to break where a name has no spaces: one long word would push buttons out of the window."""
    return re.sub(r"(\S{20})(?=\S{4})", "\\1\u200b", text)


def button(text: str, clicked: Callable[..., Any], role: str = "", about: str = "") -> QPushButton:
    """A button that calls *clicked*; *about* is the longer description for a screen reader and the tool tip."""
    made = QPushButton(text)
    made.setProperty("role", role)
    made.setAutoDefault(True)  # Enter presses the button that has the focus, outside of dialogs too
    made.clicked.connect(clicked)
    made.setAccessibleName(text.replace("&", ""))
    if about:
        made.setAccessibleDescription(about)
        made.setToolTip(about)
    return made


def restyle(widget: QWidget, **properties: Any) -> None:
    """Give *widget* style properties and have the style sheet look at them again."""
    if any(widget.property(name) != value for name, value in properties.items()):
        for name, value in properties.items():
            widget.setProperty(name, value)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def card(role: str = "card") -> tuple[QFrame, QVBoxLayout]:
    """A framed box and its layout."""
    frame = QFrame()
    frame.setProperty("role", role)
    inside = QVBoxLayout(frame)
    inside.setContentsMargins(16, 12, 16, 12)
    inside.setSpacing(6)
    return frame, inside


def row(*parts: QWidget | None) -> QHBoxLayout:
    """Parts side by side; None is the place that grows."""
    made = QHBoxLayout()
    made.setSpacing(8)
    for part in parts:
        if part is None:
            made.addStretch(1)
        else:
            made.addWidget(part)
    return made


def empty(layout: QLayout) -> None:
    """Remove everything from *layout*."""
    while item := layout.takeAt(0):
        if widget := item.widget():
            widget.hide()
            widget.deleteLater()
        elif inner := item.layout():
            empty(inner)


def add(layout: QBoxLayout, *parts: QWidget | QLayout) -> None:
    """Put *parts* under each other."""
    for part in parts:
        if isinstance(part, QWidget):
            layout.addWidget(part)
        else:
            layout.addLayout(part)
