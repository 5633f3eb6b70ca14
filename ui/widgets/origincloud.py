"""A machine in a cloud as the origin of an export."""

from __future__ import annotations

import threading
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from PySide6.QtCore import QSignalBlocker, Slot
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QComboBox

from app import acts, words
from app.secrets import Answers
from ui.draft import Draft
from ui.widgets.loginfile import LoginFile, dropped
from ui.widgets.machines import MachineList
from ui.widgets.origin import Origin
from ui.widgets.text import add, button, label, row
from ui.work import Work


class CloudOrigin(Origin):
    """A machine in an OpenStack cloud, chosen from the list that the cloud shows."""

    title = "A machine in an &OpenStack cloud"
    about = "The cloud takes the snapshot while the machine runs. You need the login file of its web page, once."
    drawing = "cloud"
    schemes = ("openstack",)

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.known = Work(answers, self, self.tr("Nothing was changed: it was only looked at."))
        self.cloud = QComboBox()
        self.cloud.setEditable(True)
        self.cloud.setAccessibleName(self.tr("Name of the cloud"))
        self.cloud.setSizePolicy(self.state.sizePolicy())
        name = label(self.tr("C&loud"))
        name.setBuddy(self.cloud)
        name.setWordWrap(False)
        self.ask = button(self.tr("Show my &machines"), self._ask)
        self.login = LoginFile(answers)
        self.login.taken.connect(self._taken)
        self.login.work.busy.connect(self.trouble.hide)
        self.login.work.failed.connect(self.trouble.tell)
        self.known.failed.connect(self.trouble.tell)
        self.setAcceptDrops(True)
        if line := self.cloud.lineEdit():
            line.setAcceptDrops(False)  # a file that is dropped there is for the whole card
        self.machines = MachineList()
        self.machines.changed.connect(self.changed)
        self.machines.hide()
        across = row(name, self.cloud, self.ask)
        across.setStretch(1, 1)
        add(self.inside, across, self.login, self.trouble, self.state, self.machines)
        self.cloud.currentTextChanged.connect(self._other)
        self.work.done.connect(self._listed)
        self.known.done.connect(self._named)
        self._shown = ""
        self._practice = False

    def opened(self) -> None:
        """Find out which clouds are known here."""
        if not self.cloud.count():
            self.known.start(_clouds)

    def practise(self, on: bool) -> None:
        """In a rehearsal it is the practice cloud, and no other."""
        if on != self._practice:
            self._practice = on
            self.cloud.setEnabled(not on)
            self.login.setVisible(not on)
            self.machines.hide()
            self.cloud.setCurrentText("")
            self.state.setText("")

    def rehearse(self, draft: Draft) -> None:
        """Have the machines shown, then choose the one."""
        if self.work.running:
            return
        if self.machines.isHidden():
            self.ask.animateClick()
        else:
            self.machines.choose(draft.source)

    def fill(self, draft: Draft) -> None:
        """Show the draft's cloud."""
        self.cloud.setCurrentText(urlsplit(draft.source).netloc)

    def problem(self) -> str:
        """Whether a machine is chosen."""
        if not self.cloud.currentText().strip():
            return self.tr("Say which cloud.")
        if self.work.running:
            return self.tr("The cloud is being asked.")
        if not self.machines.isVisibleTo(self):
            return self.tr("Press “Show my machines”.")
        return "" if self.machines.chosen else self.tr("Choose a machine in the list.")

    def url(self) -> str:
        """The machine's address."""
        return str(self.machines.chosen.url) if self.machines.chosen else ""

    def called(self) -> str:
        """The machine's name."""
        return words.plain(self.machines.chosen.name) if self.machines.chosen else ""

    def weight(self) -> int:
        """The size of its disk: more will not travel."""
        return int(self.machines.chosen.disk) << 30 if self.machines.chosen else 0

    def sandbox(self) -> str:
        """Its first address; who logs in there is asked on the next page."""
        found = self.machines.chosen.addresses if self.machines.chosen else ()
        return f"ssh://{_bracketed(found[0])}" if found else ""

    @Slot()
    def _ask(self) -> None:
        if cloud := self.cloud.currentText().strip():
            self._shown = cloud
            act = partial(acts.machines, quote(cloud, safe=""))
            self.work.start(acts.at_practice(act) if self._practice else act)

    @Slot(object)
    def _listed(self, machines: Any) -> None:
        self.machines.show_machines(machines)
        self.machines.show()
        many = (
            self.tr("{n} machines. Choose one.") if machines else self.tr("This login sees no machine in this cloud.")
        )
        self.state.setText(many.format(n=len(machines)))
        self.changed.emit()

    @Slot(str)
    def _taken(self, name: str) -> None:
        self.cloud.setCurrentText(name)
        self.known.start(_clouds)

    @Slot(object)
    def _named(self, names: Any) -> None:
        typed = self.cloud.currentText()
        with QSignalBlocker(self.cloud):
            self.cloud.clear()
            self.cloud.addItems(list(names))
            if typed:
                self.cloud.setCurrentText(typed)
        self._other(self.cloud.currentText())

    @Slot(str)
    def _other(self, text: str) -> None:
        if text.strip() != self._shown:
            self.machines.hide()
        self.changed.emit()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Take one file, but none in a rehearsal."""
        if dropped(event) and not self._practice:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Take the login that was dropped."""
        self.login.take(dropped(event))


def _clouds(report: Any, cancel: threading.Event, answers: Answers) -> list[str]:
    return acts.clouds()


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
