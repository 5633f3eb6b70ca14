"""The speed of the last minutes as a small drawing."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app import words
from ui.look import shades


class RateGraph(QWidget):
    """One point a second, the newest at the right; the highest rate is written beside its line."""

    def __init__(self) -> None:
        super().__init__()
        self._points: list[float] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Speed of the last minutes"))

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Five lines of text high."""
        return QSize(200, self.fontMetrics().height() * 5)

    def show_points(self, points: Iterable[float], now: float) -> None:
        """Show these rates (bytes a second); *now* is the smoothed one, told to screen readers."""
        self._points = list(points)
        self.setAccessibleDescription(self.tr("{rate} now").format(rate=words.rate(now)))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw it."""
        tones, painter = shades(), QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self.fontMetrics().height()
        field = QRectF(0.5, height + 2, self.width() - 1, self.height() - height - 4)
        painter.setPen(QPen(QColor(tones.line), 1))
        painter.drawLine(field.topLeft(), field.topRight())
        painter.drawLine(field.bottomLeft(), field.bottomRight())
        painter.setPen(QColor(tones.quiet))
        top = max(self._points, default=0.0)
        said = words.rate(top) if top else self.tr("The speed shows here after some seconds.")
        painter.drawText(QRectF(0, 0, self.width(), height), Qt.AlignmentFlag.AlignLeft, said)
        if top and len(self._points) > 1:
            self._line(painter, field, top, QColor(tones.accent_text))
        painter.end()

    def _line(self, painter: QPainter, field: QRectF, top: float, colour: QColor) -> None:
        across = field.width() / max(60, len(self._points) - 1)
        left = field.right() - across * (len(self._points) - 1)
        dots = [
            QPointF(left + i * across, field.bottom() - rate / top * field.height())
            for i, rate in enumerate(self._points)
        ]
        below = QColor(colour)
        below.setAlphaF(0.15)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(below)
        painter.drawPolygon(
            QPolygonF([QPointF(dots[0].x(), field.bottom()), *dots, QPointF(dots[-1].x(), field.bottom())])
        )
        painter.setPen(QPen(colour, 2))
        painter.drawPolyline(QPolygonF(dots))
