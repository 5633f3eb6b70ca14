"""A trouble in its five parts: what happened, what it means, what was done, what can be done, details."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QVBoxLayout, QWidget

from app.errors import Trouble
from ui.look import Drawing
from ui.widgets.text import add, button, label, restyle, row

HEADS = {
    "person": "It cannot go on like this",
    "network": "The network gave up",
    "answer": "An answer is needed",
    "waiting": "It is your turn",
    "cancelled": "Paused",
    "bug": "A mistake of this program",
}


class TroubleBox(QFrame):
    """Shows a `Trouble`; pages put their own buttons into `buttons`. Hidden while there is none."""

    shown = Signal()

    def __init__(self, *own: QWidget) -> None:
        super().__init__()
        self.setProperty("role", "trouble")
        self.head, self.what = label("", "head"), label(selectable=True)
        self.means, self.did, self.remedy = label(selectable=True), label(selectable=True), label(selectable=True)
        self.details = QPlainTextEdit()
        self.details.setReadOnly(True)
        self.details.setAccessibleName(self.tr("Details, without secrets"))
        self.details.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.details.setFixedHeight(self.fontMetrics().height() * 9)
        about = self.tr("For the people who help you; passwords are hidden.")
        self.more = button(self.tr("Show &details"), self._toggle, about=about)
        self.copy = button(self.tr("&Copy details"), self._copy, about=about)
        self.picture = Drawing("bad", "bad", 1.5)
        inside = QVBoxLayout(self)
        inside.setContentsMargins(16, 12, 16, 12)
        top = row(self.picture)
        top.addWidget(self.head, 1)
        add(
            inside,
            top,
            self.what,
            self.means,
            self.did,
            self.remedy,
            row(*own, self.more, self.copy, None),
            self.details,
        )
        self.hide()

    def tell(self, trouble: Trouble) -> None:
        """Show *trouble*."""
        calm = trouble.kind in ("cancelled", "waiting", "answer")
        restyle(self, role="banner" if calm else "trouble")
        self.picture.draw("paused" if calm else "bad", "care" if calm else "bad")
        self.head.setText(self.tr(HEADS.get(trouble.kind, HEADS["person"])))
        parts = (
            (self.what, "", trouble.what),
            (self.means, self.tr("What it means for your data: "), trouble.means),
            (self.did, self.tr("What was done already: "), trouble.did),
            (self.remedy, self.tr("What you can do: "), trouble.remedy),
        )
        for part, before, text in parts:
            part.setText(before + text)
            part.setVisible(bool(text))
        self.details.setPlainText(trouble.details)
        for widget in (self.more, self.copy):
            widget.setVisible(bool(trouble.details) and trouble.kind != "waiting")  # nothing has failed then
        self._open_details(False)
        self.setAccessibleName(f"{self.head.text()}: {trouble.what}")
        self.show()
        self.shown.emit()

    @Slot()
    def _toggle(self) -> None:
        self._open_details(self.details.isHidden())

    def _open_details(self, wanted: bool) -> None:
        self.details.setVisible(wanted)
        self.more.setText(self.tr("Hide &details") if wanted else self.tr("Show &details"))

    @Slot()
    def _copy(self) -> None:
        parts = (self.head, self.what, self.means, self.did, self.remedy)
        said = [part.text() for part in parts if part.text()]
        QGuiApplication.clipboard().setText("\n".join([*said, "", self.details.toPlainText()]))
