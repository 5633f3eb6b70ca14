"""The login file of a cloud in the window: chosen or dropped, kept, and used at once."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QWidget

from app import host
from app.practice.cloud import Cloud
from app.secrets import Answers
from tests.clouds.files import V2, v3
from tests.practice.cloud_places import PASSWORD, lay_cloud
from ui.draft import Draft
from ui.pages.source import SourcePage

MODES = (Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)


@pytest.fixture
def origin(page, shown) -> Any:
    made = page(SourcePage)
    made.choices[1].setChecked(True)
    found = made.origins[1]
    found.page = made  # Python must hold it
    shown(lambda: not found.known.running)
    return found


def drop(widget: QWidget, *files: str) -> bool:
    """Drop *files* on *widget*, if it takes them."""
    data = QMimeData()
    data.setUrls([QUrl(file) for file in files])
    action, buttons, keys = MODES
    enter = QDragEnterEvent(QPoint(5, 5), action, data, buttons, keys)
    enter.setAccepted(False)
    widget.dragEnterEvent(enter)
    if enter.isAccepted():
        widget.dropEvent(QDropEvent(QPointF(5, 5), action, data, buttons, keys))
    return enter.isAccepted()


def settled(origin: Any) -> bool:
    return not (origin.login.work.running or origin.known.running)


def test_a_dropped_file_is_kept_and_its_cloud_chosen(origin, tmp_path: Path, shown) -> None:
    file = tmp_path / "x-openrc.sh"
    file.write_text(v3() + "export OS_INSECURE=1\n")
    assert drop(origin, file.as_uri())
    shown(lambda: settled(origin) and origin.cloud.currentText() == "gauss-lab")
    assert origin.login.said.isVisible()
    told = origin.login.said.text().replace("\u200b", "")
    assert "“gauss-lab” is known here now." in told
    assert "need not be checked" in told
    assert [origin.cloud.itemText(n) for n in range(origin.cloud.count())] == ["gauss-lab"]
    assert "Show my machines" in origin.problem()
    assert "written down" not in told
    file.write_text(file.read_text() + "export OS_PASSWORD=hunter2\n")
    drop(origin, file.as_uri())
    shown(lambda: settled(origin) and "known here already" in origin.login.said.text())
    assert "until you close the window" in origin.login.said.text()


def test_a_file_that_is_not_taken_is_told_and_the_next_one_is_tried(origin, tmp_path: Path, shown) -> None:
    file = tmp_path / "x-openrc.sh"
    file.write_text(V2)
    origin.login.take(str(file))
    shown(lambda: origin.trouble.isVisible())
    assert "version 2" in origin.trouble.what.text()
    assert "API Access" in origin.trouble.remedy.text()
    assert not (host.data_home() / "clouds.yaml").exists()
    file.write_text(v3())
    origin.login.take(str(file))
    shown(lambda: settled(origin) and origin.login.said.isVisible())
    assert not origin.trouble.isVisible()


def test_only_one_file_of_this_computer_can_be_dropped(origin, tmp_path: Path) -> None:
    one = (tmp_path / "x").as_uri()
    assert not drop(origin, one, one)
    assert not drop(origin, "https://cloud.example.org/openrc.sh")
    assert not drop(origin)
    origin.practise(True)
    assert not drop(origin, one)
    assert not origin.login.isVisible()


def test_the_button_opens_a_dialog_and_takes_what_is_chosen(origin, tmp_path: Path, shown) -> None:
    file = tmp_path / "clouds.yaml"
    file.write_text("clouds: {lab: {auth: {auth_url: 'https://a.org', username: u, project_name: p}}}")
    origin.login.browse.click()
    (dialog,) = origin.login.findChildren(QFileDialog)
    dialog.fileSelected.emit(str(file))
    dialog.reject()
    shown(lambda: settled(origin) and origin.cloud.currentText() == "lab")


def test_the_machines_of_the_last_cloud_are_not_those_of_the_new_one(origin, tmp_path: Path, shown) -> None:
    from tests.ui import samples

    origin.cloud.setCurrentText("old")
    origin._shown = "old"
    origin._listed(samples.machines(3))
    assert origin.machines.isVisible()
    file = tmp_path / "x"
    file.write_text(v3())
    origin.login.take(str(file))
    shown(lambda: settled(origin) and origin.cloud.currentText() == "gauss-lab")
    assert not origin.machines.isVisible()


def test_from_the_file_to_the_machine(origin, answers: Answers, tmp_path: Path, shown) -> None:
    with ExitStack() as stack:
        cloud: Cloud = lay_cloud(tmp_path, stack)
        (host.data_home() / "clouds.yaml").unlink()
        file = tmp_path / "x-openrc.sh"
        file.write_text(v3(f"{cloud.base}/identity/v3", user="practice", region="Practice"))
        assert drop(origin, file.as_uri())
        shown(lambda: settled(origin) and origin.cloud.currentText() == "gauss-lab")
        origin.ask.click()
        shown(lambda: origin.work.asking is not None)
        origin.work.asking.answered.emit("openstack://gauss-lab", PASSWORD, "")
        shown(lambda: origin.machines.isVisible())
        origin.machines.tree.setCurrentItem(origin.machines.tree.topLevelItem(0))
        assert not origin.problem()
        assert origin.page.read(Draft()).called == "practice-sandbox"
