"""Colours are readable in every palette, the look follows the palette, and nothing is clipped or nameless."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QProgressBar,
    QPushButton,
    QRadioButton,
    QTextBrowser,
    QTreeView,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from tests.ui.scenes import dark, scenes
from ui.look import READABLE, VISIBLE, contrast, shades
from ui.widgets.text import card


def light() -> QPalette:
    return QPalette(QColor("#f0f0f0"))


def odd() -> QPalette:
    made = QPalette(QColor("#8a8a8a"))
    made.setColor(QPalette.ColorRole.Highlight, QColor("#ffff00"))
    return made


@pytest.mark.parametrize("palette", [light, dark])
def test_every_text_is_readable_on_its_ground(styled, palette) -> None:
    made = shades(palette())
    for text in ("text", "quiet", "accent_text", "good", "care", "bad"):
        for ground in ("window", "card", "field"):
            got = contrast(QColor(getattr(made, text)), QColor(getattr(made, ground)))
            assert got >= READABLE, f"{text} on {ground}: {got:.1f}"
    assert contrast(QColor(made.on_accent), QColor(made.accent)) >= READABLE
    assert contrast(QColor(made.quiet), QColor(made.side)) >= READABLE
    assert contrast(QColor(made.text), QColor(made.accent_soft)) >= READABLE


@pytest.mark.parametrize("palette", [light, dark])
def test_the_outline_of_every_control_can_be_seen(styled, palette) -> None:
    made = shades(palette())
    for ground in ("window", "card", "field", "accent_soft"):
        got = contrast(QColor(made.edge), QColor(getattr(made, ground)))
        assert got >= VISIBLE, f"edge on {ground}: {got:.1f}"


@pytest.mark.parametrize("palette", [light, dark])
@pytest.mark.parametrize("kind", [QCheckBox, QRadioButton])
def test_an_empty_box_is_seen_as_it_is_painted(kept, qapp: QApplication, styled, palette, kind) -> None:
    before = qapp.palette()
    qapp.setPalette(palette())
    try:
        frame, inside = card()
        kept(frame)
        box = kind(frame)
        inside.addWidget(box)
        frame.show()
        qapp.processEvents()
        picture = frame.grab().toImage()
        spot = box.mapTo(frame, box.rect().center())
        ground = picture.pixelColor(3, spot.y())
        row = [picture.pixelColor(x, spot.y()) for x in range(box.x(), box.x() + 24)]
    finally:
        qapp.setPalette(before)
        qapp.processEvents()
    assert max(contrast(pixel, ground) for pixel in row) >= VISIBLE


@pytest.mark.parametrize("palette", [light, dark])
def test_ticks_and_empty_boxes_of_a_list_differ_as_painted(kept, qapp: QApplication, styled, palette) -> None:
    before, seen = qapp.palette(), {}
    qapp.setPalette(palette())
    try:
        for state in Qt.CheckState:
            tree = QTreeWidget()
            kept(tree)
            row = QTreeWidgetItem(tree, [""])
            row.setCheckState(0, state)
            tree.show()
            qapp.processEvents()
            place = tree.visualItemRect(row)
            picture = tree.viewport().grab(place).toImage()
            ground = picture.pixelColor(picture.width() - 2, picture.height() // 2)
            middle = [picture.pixelColor(x, picture.height() // 2) for x in range(60)]
            seen[state] = tuple(pixel.name() for pixel in middle)
            assert max(contrast(pixel, ground) for pixel in middle) >= VISIBLE, state
    finally:
        qapp.setPalette(before)
        qapp.processEvents()
    assert len(set(seen.values())) == 3


def test_a_palette_that_nobody_has_does_not_break(styled) -> None:
    assert shades(odd()).quiet.startswith("#")


def test_contrast_is_that_of_the_standard() -> None:
    assert contrast(QColor("white"), QColor("black")) == pytest.approx(21)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


def test_the_look_follows_a_change_of_the_palette(window, qapp: QApplication, styled) -> None:
    before, palette = qapp.styleSheet(), qapp.palette()
    try:
        qapp.setPalette(dark())
        qapp.processEvents()
        assert qapp.styleSheet() != before
        assert dark().color(QPalette.ColorRole.Window).name() in qapp.styleSheet()
    finally:
        qapp.setPalette(palette)
        qapp.processEvents()
    assert qapp.styleSheet() == before


KINDS = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QPlainTextEdit)
TOUCHED = (*KINDS, QTreeView, QTextBrowser, QProgressBar)


def nameless(widget: QWidget) -> Iterator[str]:
    for child in widget.findChildren(QWidget):
        inner = child.objectName().startswith("qt_") or isinstance(child.parent(), QComboBox | QAbstractSpinBox)
        if isinstance(child, TOUCHED) and child.isVisible() and not inner:
            text = child.text() if isinstance(child, QAbstractButton) else ""
            if not (child.accessibleName() or text):
                yield f"{type(child).__name__} in {type(child.parent()).__name__}"


def clipped(widget: QWidget) -> Iterator[str]:
    for child in widget.findChildren(QPushButton):
        if child.isVisible() and child.width() < child.sizeHint().width():
            yield f"{child.text()}: {child.width()} < {child.sizeHint().width()}"
    for child in widget.findChildren(QLabel):
        need = child.heightForWidth(child.width()) if child.wordWrap() else child.sizeHint().height()
        wide = 0 if child.wordWrap() else child.sizeHint().width()
        if child.text() and child.isVisible() and (child.height() < need or child.width() < wide):
            yield f"“{child.text()[:40]}” is {child.width()} × {child.height()} and needs {wide} × {need}"
    for page in widget.findChildren(QWidget, "body"):
        if page.isVisible() and page.width() < page.minimumSizeHint().width():
            yield f"the body is {page.width()} wide and needs {page.minimumSizeHint().width()}"


def letters(widget: QWidget) -> Iterator[str]:
    """The letters that Alt reaches: of buttons, and of labels that name a field."""
    for child in widget.findChildren(QWidget):
        is_label = isinstance(child, QLabel) and child.buddy() is not None
        reached = child.isVisible() and child.isEnabled() and child.window() is widget.window()
        if reached and (is_label or isinstance(child, QAbstractButton)):
            yield from re.findall(r"&(\w)", child.text().lower().replace("&&", ""))


@pytest.mark.parametrize("size", [(640, 360), (1024, 700), (1600, 1000)])
def test_every_scene_is_named_and_whole(qtbot, styled, kept, size: tuple[int, int]) -> None:
    seen = 0
    for name, widget in scenes(size):
        if seen == 0:
            kept(widget)
        for _ in range(4):
            QApplication.processEvents()
        assert not list(nameless(widget)), name
        twice = [letter for letter, number in Counter(letters(widget)).items() if number > 1]
        assert not twice, f"{name}: Alt reaches more than one thing by {twice}"
        assert not list(clipped(widget)), name
        seen += 1
    assert seen == 54


class Doors(QObject):
    """Notes every window that opens."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
            self.opened.append(type(watched).__name__)
        return False


def test_no_part_flashes_up_as_a_window_of_its_own(qapp, qtbot, styled, kept) -> None:
    doors = Doors()
    qapp.installEventFilter(doors)
    try:
        for number, (_, widget) in enumerate(scenes((1024, 700))):
            if number == 0:
                kept(widget)
            QApplication.processEvents()
    finally:
        qapp.removeEventFilter(doors)
    dialogs = {"QMessageBox", "PasswordDialog", "FingerprintDialog", "AgreementDialog", "HelpBox"}
    assert set(doors.opened) <= {"Wizard", *dialogs}
