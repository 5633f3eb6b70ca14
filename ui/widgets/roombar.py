"""The forecast of the main disk: what is used, what would be merged into it, what stays free; in words and as a bar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from app import words
from app.job import Include
from ui.look import shades
from ui.widgets.text import add, button, empty, label, restyle

if TYPE_CHECKING:
    from app.sandbox.room import Room


class Bar(QWidget):
    """Used and merged bytes against the disk; hatched is what is too much."""

    def __init__(self) -> None:
        super().__init__()
        self._room: Room | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as a line of text."""
        return QSize(self.fontMetrics().averageCharWidth() * 30, self.fontMetrics().height())

    def show_room(self, room: Room) -> None:
        """Draw *room*."""
        self._room = room
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Three parts: what is there, what comes, what is free or missing."""
        room = self._room
        if room is None:
            return
        colours, painter = shades(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        whole = max(1, room.used + room.free, room.used + room.need)
        frame = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.fillRect(frame, QColor(colours.window))
        used, merged = (frame.width() * part / whole for part in (room.used, room.need))
        painter.fillRect(QRectF(frame.x(), frame.y(), used, frame.height()), QColor(colours.quiet))
        comes = QRectF(frame.x() + used, frame.y(), merged, frame.height())
        painter.fillRect(comes, QColor(colours.accent if room.fits else colours.bad))
        if room.need > room.free:
            end = frame.x() + frame.width() * (room.used + room.free) / whole
            over = QRectF(end, frame.y(), frame.right() - end, frame.height())
            painter.fillRect(over, QColor(colours.card))
            painter.setPen(QColor(colours.bad))
            painter.setBrush(Qt.BrushStyle.BDiagPattern)
            painter.fillRect(over, painter.brush())
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QColor(colours.line))
        painter.drawRect(frame)
        painter.end()


class RoomBar(QWidget):
    """The bar with its sentence, and the ways out as buttons; `wanted` brings the `Include` of one."""

    wanted = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.bar, self.said, self.detail = Bar(), label("", "big"), label("", "quiet")
        self.ways_said = label(self.tr("Ways out:"), "head")
        self.ways = QVBoxLayout()
        inside = QVBoxLayout(self)
        inside.setContentsMargins(0, 0, 0, 0)
        add(inside, self.said, self.bar, self.detail, self.ways_said, self.ways)

    def show_room(self, room: Room, ways: Sequence[Include]) -> None:
        """Show the forecast *room*, and the changes that would make it fit."""
        self.bar.show_room(room)
        self.said.setText(self._sentence(room))
        restyle(self.said, role="big" if room.fits else "bigbad")
        said = self.tr(
            "On the main disk: {used} used now, {need} in {files} files would be added, {free} free before that."
        )
        limit = self.tr(" It has room for {n} more files.").format(n=f"{room.free_files:,}") if room.free_files else ""
        self.detail.setText(
            said.format(used=words.size(room.used), need=words.size(room.need), files=f"{room.files:,}",
                        free=words.size(room.free)) + limit
        )  # fmt: skip
        self.bar.setAccessibleName(f"{self.said.text()} {self.detail.text()}")
        self._lay_ways(ways[:4])
        self.ways_said.setVisible(not room.fits)
        if not room.fits and not ways:
            self.ways_said.setText(self.tr("No single change helps. Leave out more than one disk, or free space."))
        else:
            self.ways_said.setText(self.tr("Ways out:"))

    def _sentence(self, room: Room) -> str:
        if room.short:
            return self.tr("Does not fit: {short} short.").format(short=words.size(room.short))
        if room.short_files:
            return self.tr("Does not fit: room for {n} files is missing.").format(n=f"{room.short_files:,}")
        if not room.files and not room.need:
            return self.tr("Nothing is copied into the main disk; it stays as it is.")
        return self.tr("Fits: {need} of {free} free.").format(need=words.size(room.need), free=words.size(room.free))

    def _lay_ways(self, ways: Sequence[Include]) -> None:
        empty(self.ways)
        for way in ways:
            text = {
                "grow": self.tr("Put {mount} into the copy, with a bigger main disk"),
                "disk": self.tr("Give {mount} a disk of its own"),
            }.get(way.how, self.tr("Leave {mount} out"))
            mount = words.plain(way.mount)
            made = button(text.format(mount=mount[:60]).replace("&", "&&"), partial(self._want, way))
            self.ways.addWidget(made, 0, Qt.AlignmentFlag.AlignLeft)

    def _want(self, way: Include) -> None:
        self.wanted.emit(way)
