"""Closing the window while something runs: ask, pause, wait for the thread, then go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Slot
from PySide6.QtWidgets import QMessageBox

from ui.runner import alive
from ui.widgets.confirm import confirm

if TYPE_CHECKING:
    from ui.wizard import Wizard

LOOK = 50  # milliseconds between two looks whether all threads have ended


class Closing(QObject):
    """The way out. No thread is ever ended by force: it is asked, and waited for with the window open."""

    def __init__(self, window: Wizard) -> None:
        super().__init__(window)
        self._window = window
        self.box: QMessageBox | None = None
        self.going = False
        self._timer = QTimer(self)
        self._timer.setInterval(LOOK)
        self._timer.timeout.connect(self._look)

    def may_close(self) -> bool:
        """Whether the window may go now; otherwise the person is asked, or the threads are waited for."""
        if not alive():
            return True
        if self.going:
            return False
        if self._window.run.running:
            self._ask()
        else:
            self.leave()
        return False

    def _ask(self) -> None:
        if self.box is not None and self.box.isVisible():
            return
        undoing = self._window.run.mode == "undo"
        title = self.tr("An export is being undone.") if undoing else self.tr("An export is running.")
        text = self.tr(
            "If you close now, it stops at the next safe place; a sandbox that is changed just now is put back first. "
            "Nothing is lost: the next time you start Sandhopper, it offers to go on from there."
        )
        self.box = confirm(self._window, title, text, self.tr("&Pause and close"), self.tr("&Stay"), self.leave)
        self.box.finished.connect(self._answered)

    @Slot(int)
    def _answered(self, _: int) -> None:
        self.box = None

    @Slot()
    def leave(self) -> None:
        """Ask every thread to stop, and close when the last one has."""
        self.going = True
        self._window.run.hold()
        self._window.setEnabled(False)
        self._window.setWindowTitle(self.tr("Sandhopper: stopping at the next safe place …"))
        for runner in alive():
            runner.cancel()
        self._timer.start()

    @Slot()
    def _look(self) -> None:
        for runner in alive():
            runner.cancel()
        if not alive():
            self._timer.stop()
            self._window.close()
