"""The side bar: where you are, what is behind you, what comes; locked where you cannot go."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from ui.look import Drawing
from ui.widgets.text import empty, label, restyle

TITLES = {
    "source": "Your machine",
    "sandbox": "Check-up",
    "include": "What to include",
    "clean": "Secrets",
    "target": "Where to",
    "line": "Line and time",
    "review": "Review",
    "run": "Export",
    "done": "Done",
}
DRAWN, GAP = 1.2, 4  # the drawing before a title in lines of text, and pixels between them


class StepList(QFrame):
    """`chosen(key)` comes when the person clicks a step that is open to them."""

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("side")
        self.setAccessibleName(self.tr("Steps"))
        self._keys: tuple[str, ...] = ()
        self.buttons: dict[str, QPushButton] = {}
        self._drawings: dict[str, Drawing] = {}
        self._compact = False
        self._outside = outside = QVBoxLayout(self)
        outside.setContentsMargins(12, 14, 12, 14)
        self._brand = label("Sandhopper")
        self._brand.setObjectName("brand")
        outside.addWidget(self._brand)
        self._list = QVBoxLayout()
        self._list.setSpacing(2)
        outside.addLayout(self._list)
        outside.addStretch(1)

    def compact(self, on: bool) -> None:
        """Show numbers instead of titles, where the window is narrow; the titles are in the tool tips."""
        if on != self._compact:
            self._compact = on
            self._brand.setHidden(on)
            self._name()

    def _name(self) -> None:
        for number, key in enumerate(self._keys, 1):
            self.buttons[key].setText(self._said(number, key))
            self.buttons[key].setToolTip(self.tr(TITLES[key]) if self._compact else "")
        self.setFixedWidth(self._wide())

    def _said(self, number: int, key: str) -> str:
        return str(number) if self._compact else self.tr(TITLES[key])

    def _wide(self) -> int:
        """Wide enough for every title as styled when one is there: nothing is cut, and nothing jumps."""
        margins, longest = self._outside.contentsMargins(), 0
        for number, key in enumerate(TITLES, 1):
            probe = _step(self._said(number, key), self)
            restyle(probe, state="now")
            probe.ensurePolished()
            longest = max(longest, probe.sizeHint().width())
            probe.deleteLater()
        beside = Drawing("todo", "quiet", DRAWN).sizeHint().width() + GAP
        return margins.left() + beside + longest + margins.right() + 1  # and the line at the right

    def show_steps(self, keys: tuple[str, ...], now: str, open_to: set[str], behind: set[str]) -> None:
        """Show these steps: *now* is the page of now, *open_to* may be clicked, *behind* are settled."""
        if keys != self._keys:
            self._lay(keys)
        for number, key in enumerate(keys, 1):
            state, said = self._state(key, now, open_to, behind)
            made = self.buttons[key]
            made.setEnabled(key in open_to or key == now)
            made.setAccessibleName(f"{number}. {self.tr(TITLES[key])}, {said}")
            restyle(made, state=state)
            drawing, shade = {"now": ("now", "accent_text"), "behind": ("good", "good")}.get(state, ("todo", "quiet"))
            self._drawings[key].draw(drawing, shade)

    def _state(self, key: str, now: str, open_to: set[str], behind: set[str]) -> tuple[str, str]:
        if key == now:
            return "now", self.tr("you are here")
        if key in behind:
            return "behind", self.tr("settled") if key in open_to else self.tr("settled and locked")
        return "ahead", self.tr("open") if key in open_to else self.tr("comes later")

    def _lay(self, keys: tuple[str, ...]) -> None:
        empty(self._list)
        self._keys = keys
        for key in keys:
            made = _step(self.tr(TITLES[key]), self)
            made.setProperty("key", key)
            made.clicked.connect(self._clicked)
            self.buttons[key], self._drawings[key] = made, Drawing("todo", "quiet", DRAWN)
            across = QHBoxLayout()
            across.setSpacing(GAP)
            across.addWidget(self._drawings[key])
            across.addWidget(made, 1)
            self._list.addLayout(across)
        self._name()

    @Slot()
    def _clicked(self) -> None:
        self.chosen.emit(self.sender().property("key"))


def _step(title: str, parent: QWidget) -> QPushButton:
    made = QPushButton(title, parent)
    made.setProperty("role", "step")
    made.setAutoDefault(True)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    return made
