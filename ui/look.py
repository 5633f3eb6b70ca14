"""Colours from the system's palette, the style sheet made of them, and drawings that follow them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from string import Template

from PySide6.QtCore import QByteArray, QEvent, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPainter, QPaintEvent, QPalette
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

RESOURCES = Path(__file__).resolve().parent.parent / "resources"
READABLE = 4.5  # WCAG 2.1, contrast of text (success criterion 1.4.3)
VISIBLE = 3.0  # the same, contrast of what shows where a control is (1.4.11)


@dataclass(frozen=True)
class Shades:
    """The colours in use, as `#rrggbb`; each readable on the grounds that it is written on."""

    window: str
    card: str
    field: str
    text: str
    quiet: str
    line: str
    edge: str
    side: str
    accent: str
    on_accent: str
    accent_text: str
    accent_soft: str
    good: str
    care: str
    bad: str
    on_bad: str


def shades(palette: QPalette | None = None) -> Shades:
    """The colours for the palette that the system (or the person) has chosen."""
    palette = palette or QGuiApplication.palette()
    window, field = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.Base)
    text, accent = palette.color(QPalette.ColorRole.WindowText), palette.color(QPalette.ColorRole.Highlight)
    dark = window.lightnessF() < 0.5
    card = mixed(window, text, 0.06) if dark else field  # Fusion's frames are darker than the window: seen on lighter
    grounds, soft = (window, card, field), mixed(accent, card, 0.84)
    good, care, bad = ("#6fd08c", "#f0b549", "#ff9088") if dark else ("#17653a", "#7d4b00", "#a8211a")
    return Shades(
        window=window.name(),
        card=card.name(),
        field=field.name(),
        text=text.name(),
        quiet=_readable(mixed(text, window, 0.32), grounds, text).name(),
        line=mixed(text, window, 0.78).name(),
        edge=_readable(mixed(text, window, 0.5), (*grounds, soft), text, VISIBLE).name(),
        side=mixed(text, window, 0.94).name(),
        accent=accent.name(),
        on_accent=_on(accent).name(),
        accent_text=_readable(accent, grounds, text).name(),
        accent_soft=soft.name(),
        good=good,
        care=care,
        bad=bad,
        on_bad=_on(QColor(bad)).name(),
    )


def mixed(first: QColor, second: QColor, part: float) -> QColor:
    """*first* with *part* (0 to 1) of *second* in it."""
    pairs = zip(first.getRgb()[:3], second.getRgb()[:3], strict=True)  # type: ignore[index]
    return QColor(*(round(a + (b - a) * part) for a, b in pairs))


def contrast(first: QColor, second: QColor) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.1, definition of contrast ratio)."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: QColor) -> float:
    linear: list[float] = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.getRgbF()[:3]]  # type: ignore[index]
    return sum(part * weight for part, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _readable(colour: QColor, grounds: tuple[QColor, ...], towards: QColor, enough: float = READABLE) -> QColor:
    """*colour*, moved towards the text's colour until its contrast with all *grounds* is *enough*."""
    for part in range(0, 101, 5):
        tried = mixed(colour, towards, part / 100)
        if all(contrast(tried, ground) >= enough for ground in grounds):
            return tried
    return towards


def _on(ground: QColor) -> QColor:
    black, white = QColor("#101418"), QColor("#ffffff")
    return max((white, black), key=lambda c: contrast(c, ground))


class Styler(QObject):
    """Keeps the program's style sheet in step with the system's palette."""

    def __init__(self, app: QApplication) -> None:
        super().__init__(app)
        self._app = app
        self._template = Template((RESOURCES / "style.qss").read_text(encoding="utf-8"))
        self._sheet = ""
        app.setStyle("Fusion")
        app.installEventFilter(self)
        self.restyle()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Follow a change of the palette."""
        if watched is self._app and event.type() == QEvent.Type.ApplicationPaletteChange:
            self.restyle()
        return False

    def restyle(self) -> None:
        """Put the style sheet for the palette of now into force, if it is another one."""
        chosen = shades(self._app.palette())
        marks = "light" if QColor(chosen.on_accent).lightnessF() > 0.5 else "dark"
        icons = (RESOURCES / "icons").as_posix()
        sheet = self._template.substitute(vars(chosen), icons=icons, marks=marks)
        if sheet != self._sheet:
            self._sheet = sheet
            self._app.setStyleSheet(sheet)


class Drawing(QWidget):
    """An SVG of resources/icons in the colour of a shade; follows the palette. Decoration: nothing to read out."""

    def __init__(self, name: str, shade: str = "text", size: float = 1.6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._size = size
        self._svg = ""
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.draw(name, shade)

    def draw(self, name: str, shade: str) -> None:
        """Show another drawing."""
        self._svg, self._shade = _svg(name), shade
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As many lines of text high as was asked for."""
        side = round(self.fontMetrics().height() * self._size)
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Draw it anew in the colours of now."""
        colour = getattr(shades(), self._shade)
        painter = QPainter(self)
        QSvgRenderer(QByteArray(self._svg.replace("currentColor", colour).encode())).render(
            painter, QRectF(self.rect())
        )
        painter.end()


_read: dict[str, str] = {}


def _svg(name: str) -> str:
    if name not in _read:
        _read[name] = (RESOURCES / "icons" / f"{name}.svg").read_text(encoding="utf-8")
    return _read[name]


def window_icon() -> QIcon:
    """The program's own icon."""
    return QIcon(str(RESOURCES / "icons" / "sandhopper.svg"))
