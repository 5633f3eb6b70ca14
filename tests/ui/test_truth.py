"""Emitting signals for days does not end the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
from PySide6.QtCore import QObject, Signal
import ui.runner
class Bell(QObject):
    rings = Signal(object)
    def heard(self, value):
        pass
bell = Bell()
bell.rings.connect(bell.heard)
for number in range(60_000):
    bell.rings.emit(number)
bell.blockSignals(True)
for number in range(60_000):
    bell.rings.emit(number)
for number in range(200_000):
    bell.setProperty("number", None)
    bell.blockSignals(False)
    bell.property("nothing")
    bell.setObjectName("bell")
print("alive", True, False, None)
"""


def test_many_thousand_signals_leave_the_program_alive() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, timeout=60, check=False, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-500:]
    assert done.stdout.decode().split() == ["alive", "True", "False", "None"]
