"""One export on Home, and the banner of one that left a sandbox changed."""

from __future__ import annotations

from urllib.parse import urlsplit

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from app import words
from ui.look import Drawing
from ui.opening import show_file
from ui.shelved import Shelved
from ui.widgets.text import add, breakable, button, label, row


class ExportRow(QFrame):
    """A card with what can be done next; the signals bring its `Shelved`."""

    go_on = Signal(object)
    look = Signal(object)
    forget = Signal(object)

    def __init__(self, one: Shelved) -> None:
        super().__init__()
        self.one = one
        self.setProperty("role", "card")
        self.setAccessibleName(f"{one.name}, {one.when}")
        inside = QHBoxLayout(self)
        inside.setContentsMargins(14, 10, 14, 10)
        texts = QVBoxLayout()
        texts.setSpacing(2)
        here = self.tr(", {size} here").format(size=words.size(one.here)) if one.here > 1_000_000 else ""
        practice = self.tr(", rehearsal") if one.job.practice else ""
        add(
            texts,
            label(breakable(one.name), "head"),
            label(breakable(one.sentence)),
            label(f"{one.when}{here}{practice}", "quiet"),
        )
        inside.addWidget(Drawing(*_drawing(one), 1.5))
        inside.addLayout(texts, 1)
        inside.addLayout(self._buttons())

    def _buttons(self) -> QHBoxLayout:
        one, parts = self.one, []
        if not one.finished:
            parts.append(
                button(self.tr("Go on"), self._go_on, "primary", self.tr("Go on with {name}").format(name=one.name))
            )
        if one.report:
            parts.append(
                button(
                    self.tr("Report"), self._report, about=self.tr("Open the report of {name}").format(name=one.name)
                )
            )
        if one.started:
            parts.append(button(self.tr("Look"), self._look, about=self.tr("Look at {name}").format(name=one.name)))
        if not one.disturbed and (one.finished or not one.started):
            parts.append(
                button(
                    self.tr("Delete …"),
                    self._forget,
                    about=self.tr("Delete {name} from this list").format(name=one.name),
                )
            )
        return row(*parts)

    @Slot()
    def _go_on(self) -> None:
        self.go_on.emit(self.one)

    @Slot()
    def _look(self) -> None:
        self.look.emit(self.one)

    @Slot()
    def _forget(self) -> None:
        self.forget.emit(self.one)

    @Slot()
    def _report(self) -> None:
        if self.one.report:
            show_file(self.one.report)


class Banner(QFrame):
    """Says that a sandbox was left changed, and offers to put it back."""

    put_back = Signal(object)

    def __init__(self, one: Shelved) -> None:
        super().__init__()
        self._one = one
        self.setProperty("role", "banner")
        inside = QHBoxLayout(self)
        inside.setContentsMargins(14, 10, 14, 10)
        said = self.tr("The export “{name}” was interrupted while your sandbox ({place}) was changed.")
        place = words.plain(urlsplit(one.job.sandbox_url).hostname or "")
        texts = QVBoxLayout()
        add(texts, label(breakable(said.format(name=one.name, place=place)), "head"))
        add(
            texts,
            label(self.tr("Go on with it, or put the sandbox back as it was. Your data on it is untouched."), "quiet"),
        )
        inside.addWidget(Drawing("care", "care", 1.6))
        inside.addLayout(texts, 1)
        about = self.tr("Put the sandbox of {name} back as it was").format(name=one.name)
        inside.addWidget(button(self.tr("&Put the sandbox back"), self._put_back, "primary", about))
        self.setAccessibleName(said.format(name=one.name, place=place))

    @Slot()
    def _put_back(self) -> None:
        self.put_back.emit(self._one)


def _drawing(one: Shelved) -> tuple[str, str]:
    if one.disturbed:
        return "care", "care"
    if one.finished:
        return "good", "good"
    return ("paused", "care") if one.started else ("todo", "quiet")
