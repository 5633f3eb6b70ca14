"""The program as a whole: it starts, ends when asked to, and shows what nothing else has caught."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from app.secrets import Answers
from ui.lastbox import LastBox
from ui.main import LastChance

ROOT = Path(__file__).resolve().parents[2]
SHOWS = """
import ui.main, ui.wizard
shown = ui.wizard.Wizard.showEvent
ui.wizard.Wizard.showEvent = lambda self, event: (print("shown", flush=True), shown(self, event))
raise SystemExit(ui.main.main([]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_starts_and_ends_when_the_system_asks(tmp_path: Path, number: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SHOWS], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        assert process.stdout.readline() == b"shown\n"
        time.sleep(0.2)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()


def test_a_mistake_that_nothing_caught_is_told_without_secrets(qtbot, styled, answers: Answers) -> None:
    answers.give("sftp://me@host", "hunter2-secret")
    last = LastChance(answers)
    try:
        raise ValueError("hunter2-secret")
    except ValueError as exc:
        last.caught(ValueError, exc, exc.__traceback__)
    qtbot.waitUntil(lambda: last.box is not None)
    box = last.box
    assert isinstance(box, LastBox)
    assert "mistake" in box.trouble.what.text()
    assert "hunter2-secret" not in box.trouble.details.toPlainText()
    assert "ValueError" in box.trouble.details.toPlainText()
    qtbot.keyClick(box, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not box.isVisible())


def test_the_window_imports_no_library_of_clouds_or_servers_at_its_start(tmp_path: Path) -> None:
    """Start-up stays quick, and pages cannot talk to a server behind the engine's back."""
    code = (
        "import sys, ui.main; print([m for m in ('paramiko', 'openstack', 'pyftpdlib', 'jinja2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=True, capture_output=True)
    assert done.stdout.decode().strip() == "[]"
