"""The watchdog barks at what it should, and the window gives it no cause to."""

from __future__ import annotations

import hashlib
import os
import time

from PySide6.QtCore import QTimer

from app.secrets import Answers
from tests.ui.watchdog import Watchdog
from ui.runner import Runner


def test_it_catches_a_slot_that_computes(qtbot, watchdog: Watchdog) -> None:
    def busy() -> None:
        until = time.thread_time() + 0.3
        while time.thread_time() < until:
            pass

    QTimer.singleShot(20, busy)
    qtbot.waitUntil(lambda: watchdog.worst > 0.25, timeout=10_000)


def test_it_catches_a_slot_that_waits(qtbot, watchdog: Watchdog) -> None:
    QTimer.singleShot(20, lambda: time.sleep(0.3))
    qtbot.waitUntil(lambda: watchdog.waits >= 1, timeout=10_000)


def test_hashing_in_a_runner_leaves_the_window_free(qtbot, watchdog: Watchdog, answers: Answers) -> None:
    def act(report, cancel, answers) -> str:
        digest, block = hashlib.sha256(), os.urandom(1 << 20)
        for _ in range(150):
            digest.update(block)
        return digest.hexdigest()

    made = Runner(act, answers)
    with qtbot.waitSignal(made.finished, timeout=30_000):
        made.begin()
    assert watchdog.cpu
    assert watchdog.worst < 0.05
