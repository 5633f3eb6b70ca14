"""Starts the window."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
from types import TracebackType

from PySide6.QtCore import QObject, QSocketNotifier, Signal, Slot
from PySide6.QtWidgets import QApplication

from app import host, secrets
from app.errors import trouble
from app.secrets import Answers
from ui.collector import Collector
from ui.lastbox import LastBox
from ui.look import Styler, window_icon
from ui.runner import alive
from ui.wishes import Opening, understood
from ui.wizard import Wizard

log = logging.getLogger(__name__)
PATIENCE = 60_000  # milliseconds for the last threads when the session ends over our heads


def main(arguments: list[str] | None = None) -> int:
    """Show the window until the person closes it; the exit status of the program."""
    wishes, for_qt = understood(sys.argv[1:] if arguments is None else arguments)
    app = QApplication(sys.argv[:1] + for_qt)
    app.setApplicationName("sandhopper")
    app.setApplicationDisplayName("Sandhopper")
    app.setDesktopFileName("sandhopper")
    app.setWindowIcon(window_icon())
    Styler(app)
    host.private_folder(host.data_home())
    secrets.keyring_here()  # looks for backends on the disk: once, before the window is there
    answers = Answers()
    last = LastChance(answers)
    sys.excepthook = last.caught
    window = Wizard(answers)
    ends = Ends(window)
    collector = Collector(window)
    window.show()
    if wishes.rehearse:
        window.walk.begin()
    elif wishes.export:
        Opening(window, wishes.export)
    code = app.exec()
    ends.close()
    collector.close()
    return _ended(code)


def _ended(code: int) -> int:
    """Wait for threads that are still there; leave without Qt's abort if one does not end."""
    for runner in alive():
        runner.cancel()
    if not all(runner.wait(PATIENCE) for runner in alive()):
        logging.shutdown()
        os._exit(code)
    return code


class LastChance(QObject):
    """Shows what nothing else has caught, in the five parts; from any thread."""

    told = Signal(object)

    def __init__(self, answers: Answers) -> None:
        super().__init__()
        self._answers = answers
        self.box: LastBox | None = None
        self.told.connect(self._show)

    def caught(self, kind: type[BaseException], exc: BaseException, trace: TracebackType | None) -> None:
        """Python's hook for uncaught exceptions."""
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        log.error("not caught", exc_info=(kind, exc, trace))
        self.told.emit(exc)

    @Slot(object)
    def _show(self, exc: BaseException) -> None:
        if self.box is None or not self.box.isVisible():
            self.box = LastBox(trouble(exc), self._answers, QApplication.activeWindow())
            self.box.open()


class Ends(QObject):
    """Turns Ctrl-C and the system's wish to end us into closing the window: nothing is lost, nothing asked."""

    def __init__(self, window: Wizard) -> None:
        super().__init__(window)
        self._window = window
        self._here, self._there = socket.socketpair()
        for end in (self._here, self._there):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._here.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._asked)
        self._before = signal.set_wakeup_fd(self._there.fileno())
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _noted)

    @Slot()
    def _asked(self) -> None:
        self._here.recv(64)
        if alive():
            self._window.closing.leave()
        else:
            self._window.close()

    def close(self) -> None:
        """Hand the signals back to Python."""
        self._notifier.setEnabled(False)
        signal.set_wakeup_fd(self._before)
        self._here.close()
        self._there.close()


def _noted(number: int, frame: object) -> None:
    """Python must have a handler for the wake-up to be written; the window does the rest."""
