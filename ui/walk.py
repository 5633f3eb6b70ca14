"""The rehearsal by itself: presses what a person presses, in their sight, until they do something themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QObject, QTimer, Slot
from PySide6.QtWidgets import QApplication

from ui.pages.sandbox import SandboxPage
from ui.pages.source import SourcePage

if TYPE_CHECKING:
    from ui.wizard import Wizard

READ, LONGER, BEFORE = 3000, 4500, 1200  # milliseconds: to read a page, a full one, and before a button is pressed
LOOK = 200  # milliseconds between two looks at the page
FULL = ("sandbox", "review")
THEIRS = (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress, QEvent.Type.TouchBegin, QEvent.Type.Wheel)


class Walk(QObject):
    """Goes from page to page; any click or key of the person ends that, and `resume` takes it up again."""

    def __init__(self, window: Wizard) -> None:
        super().__init__(window)
        self._window = window
        self.walking = False
        self._at: object = None  # the page, and whether one can go on from it
        self._stood = 0  # milliseconds since then
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)

    def begin(self) -> None:
        """Start a rehearsal, or go on with the one that is there, and walk through it."""
        self._window.home.practice.click()
        self.resume()

    @Slot()
    def resume(self) -> None:
        """Walk on from the page of now."""
        if not self.walking:
            self.walking, self._at = True, None
            QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]
            self._timer.start()
            self._window.tell_rehearsal()

    @Slot()
    def end(self) -> None:
        """Press nothing any more."""
        if self.walking:
            self.walking = False
            QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]
            self._timer.stop()
            self._window.tell_rehearsal()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """See what comes from the person: it is done, and it ends the walk."""
        if event.type() in THEIRS and event.spontaneous():
            self.end()
        return False

    @Slot()
    def _look(self) -> None:
        window, page = self._window, self._window.page
        if page is window.home and window.home.trouble.isHidden():
            return
        if not window.draft.practice or page.key not in window.draft.steps[:-2]:
            self.end()
            return
        ready = not page.problem()
        self._stood = self._stood + LOOK if self._at == (page, ready) else 0
        self._at = (page, ready)
        if ready and self._stood >= (LONGER if page.key in FULL else READ):
            self._stood = 0
            window.next.animateClick()
        elif not ready and self._stood >= BEFORE:
            self._stood = 0
            self._help(page)

    def _help(self, page: Any) -> None:
        """Do what the page waits for; a trouble is the person's."""
        if isinstance(page, SourcePage) and page.origin and page.origin.trouble.isHidden():
            page.origin.rehearse(self._window.draft)
        elif isinstance(page, SandboxPage) and page.trouble.isHidden():
            if not page.work.running:
                page.go.animateClick()
        elif page is not self._window.review or not self._window.review.work.running:
            self.end()
