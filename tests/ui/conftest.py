"""Qt without a screen, and a watchdog over the window's own thread."""

from __future__ import annotations

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before Qt is imported anywhere

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QWidget

from app.disk.practice_disk import write_disk
from app.secrets import Answers
from tests.ui.watchdog import Watchdog
from ui import runner
from ui.collector import Collector
from ui.draft import Draft
from ui.look import Styler
from ui.page import Page
from ui.wizard import Wizard


@pytest.fixture(scope="session")
def styled(qapp: QApplication) -> Styler:
    return Styler(qapp)


@pytest.fixture(autouse=True)
def collector(qapp: QApplication) -> Iterator[Collector]:
    made = Collector()
    yield made
    made.close()


@pytest.fixture
def answers() -> Answers:
    return Answers(use_keyring=False)


@pytest.fixture
def kept(qtbot) -> Iterator[Callable[[QWidget], QWidget]]:
    """Hold a top-level widget until it is closed; else Python collects it, even in its own paint event."""
    held: list[QWidget] = []

    def keep(widget: QWidget) -> QWidget:
        held.append(widget)
        qtbot.addWidget(widget)
        return widget

    yield keep
    held.clear()


@pytest.fixture
def page(kept: Callable[[QWidget], QWidget], styled: Styler, answers: Answers) -> Callable[..., Any]:
    """Make a page and show it: `page(LinePage, draft)`."""

    def make(kind: type[Page], draft: Draft | None = None) -> QWidget:
        made = kept(kind(answers))
        made.show()
        made.fill(draft or Draft())
        return made

    return make


@pytest.fixture
def window(qtbot, styled: Styler, answers: Answers) -> Iterator[Wizard]:
    made = Wizard(answers)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: not made.home.shelf.running)
    yield made
    for one in runner.alive():
        one.cancel()
    qtbot.waitUntil(lambda: not runner.alive(), timeout=20_000)


@pytest.fixture(autouse=True)
def no_thread_is_left(qtbot) -> Iterator[None]:
    yield
    qtbot.waitUntil(lambda: not runner.alive(), timeout=20_000)


@pytest.fixture
def watchdog(qtbot) -> Iterator[Watchdog]:
    made = Watchdog()
    yield made
    made.stop()


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A small real disk that boots, with 8 MiB that do not compress."""
    path = tmp_path / "machine.raw"
    write_disk(path, 32 << 20, os.urandom(8 << 20))
    return path


@pytest.fixture
def shown(qtbot) -> Callable[..., None]:
    """Wait until something is true, with a generous limit for a loaded computer."""

    def wait(true: Callable[[], bool], seconds: float = 20) -> None:
        qtbot.waitUntil(true, timeout=round(seconds * 1000))

    return wait
