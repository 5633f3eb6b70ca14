"""What can be asked for when the window is started."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.ui import samples
from ui.wishes import Opening, understood
from ui.wizard import Wizard


def test_the_words_of_the_command_line() -> None:
    said, for_qt = understood(["--rehearse", "-style", "fusion"])
    assert said.rehearse
    assert "-style" in for_qt
    assert understood(["20261121"])[0].export == "20261121"


def test_an_export_is_opened_by_its_id(window: Wizard, shown) -> None:
    folder = samples.finished(samples.job(1))
    Opening(window, folder.name)
    shown(lambda: window.page.key == "done")
    shown(lambda: not window.done.work.running)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_an_export_that_cannot_be_opened_is_told(window: Wizard, shown, tmp_path: Path, elsewhere: bool) -> None:
    which = "nothing-of-this-name"
    if elsewhere:
        which = str(shutil.copytree(samples.finished(samples.job(1)), tmp_path / "moved"))
    Opening(window, which)
    shown(window.home.trouble.isVisible)
    said = window.home.trouble.what.text()
    assert ("outside" if elsewhere else which) in said
