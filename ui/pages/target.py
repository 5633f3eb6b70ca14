"""Where the image goes, and in which form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import Slot
from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QLineEdit, QWidget

from app import targets, words
from app.errors import Usage
from app.secrets import Answers
from ui.draft import Draft
from ui.page import Page
from ui.widgets.address import Address
from ui.widgets.quiet import MB, speed_box
from ui.widgets.text import add, button, card, label, row

SCHEMES = {"local": "file", "openstack": "openstack", "catalyst": "openstack", "virtualbox": "file", "vmware": "file"}


class TargetPage(Page):
    """The profile decides formats and rules; the address says where; more options are one click deeper."""

    key = "target"
    title = "Where does it go?"
    lead = "Choose who will receive the machine, and say where to put it. You will be asked for passwords later."
    after = (
        "Each receiver has its own rules for disks; Sandhopper makes the form that this one takes, and tests it here."
    )

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.profile = QComboBox()
        for target in targets.all_targets():
            self.profile.addItem(target.title, target.key)
        self.profile.setAccessibleName(self.tr("Receiver"))
        self.summary, self.cares = label("", "quiet"), label("", "care")
        self.address = Address()
        self.name, self.format = QLineEdit(), QComboBox()
        self.name.setAccessibleName(self.tr("Name of the image"))
        self.format.setAccessibleName(self.tr("Format of the image"))
        who, inside = card()
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(self._named(self.tr("&Receiver"), self.profile), self.profile)
        add(inside, form, self.summary, self.cares)
        place, below = card()
        below.addWidget(self.address)
        self.more = button(self.tr("&More options"), self._toggle)
        self.options = self._options()
        self.options.hide()
        add(self.body, who, place, row(self.more, None), self.options)
        self.body.addStretch(1)
        self.profile.currentIndexChanged.connect(self._receiver)
        self.address.changed.connect(self.changed)
        self.address.changed.connect(self._moved)
        self.name.textChanged.connect(self.changed)
        self._receiver(0)

    def _named(self, text: str, buddy: QWidget) -> QWidget:
        made = label(text)
        made.setWordWrap(False)
        made.setBuddy(buddy)
        return made

    def _options(self) -> QWidget:
        frame, inside = card()
        self.compress = QCheckBox(self.tr("Make the file sm&aller (takes longer to make, shorter to send)"))
        self.prove = QCheckBox(self.tr("S&tart the finished disk here as a test before it is sent"))
        self.launch = QCheckBox(self.tr("Start a machine from it t&here as a test, and remove it again"))
        self.limit = speed_box(self.tr("as fast as possible"), self.tr("Speed limit of the upload"))
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(self._named(self.tr("Na&me of the image"), self.name), self.name)
        form.addRow(self._named(self.tr("&Format"), self.format), self.format)
        form.addRow(self._named(self.tr("Speed l&imit"), self.limit), self.limit)
        add(inside, form, self.compress, self.prove, self.launch)
        return frame

    @Slot()
    def _toggle(self) -> None:
        wanted = self.options.isHidden()
        self.options.setVisible(wanted)
        self.more.setText(self.tr("Fe&wer options") if wanted else self.tr("&More options"))

    @Slot()
    def _moved(self) -> None:
        self.launch.setVisible(self.address.scheme == "openstack")

    @Slot(int)
    def _receiver(self, _: int) -> None:
        target = targets.load(str(self.profile.currentData()))
        self.summary.setText(target.summary)
        self.cares.setText("\n".join(filter(None, (target.unproven, *target.cares))))
        self.cares.setVisible(bool(self.cares.text()))
        self.format.clear()
        for name in target.formats:
            self.format.addItem(words.form(name), name)
        self.format.setItemText(0, self.tr("{form} (recommended)").format(form=self.format.itemText(0)))
        self.compress.setEnabled(target.compress)
        self.address.take(SCHEMES.get(target.key, "sftp" if target.key != "interoute" else "ftpes"))
        self.changed.emit()

    def fill(self, draft: Draft) -> None:
        """Show the draft's target."""
        super().fill(draft)
        if draft.target:
            self.profile.setCurrentIndex(max(0, self.profile.findData(draft.profile)))
            self.address.fill(draft.target)
            self.format.setCurrentIndex(max(0, self.format.findData(draft.format)))
        self.name.setText(draft.name)
        self.name.setPlaceholderText(_name_of(draft))
        self.compress.setChecked(draft.compress)
        self.prove.setChecked(draft.prove)
        self.launch.setChecked(draft.launch)
        self.limit.setValue(draft.limit / MB)

    def problem(self) -> str:
        """What is missing or cannot be."""
        if missing := self.address.missing():
            return missing
        try:
            self.read(self.draft).as_job()
        except Usage as exc:
            return exc.message
        return ""

    def read(self, draft: Draft) -> Draft:
        """The draft with this target."""
        name = self.name.text().strip()
        chosen = str(self.format.currentData() or "") if self.format.currentIndex() else ""
        moved = draft.to_target(self.address.url(name or _name_of(draft)))
        return replace(
            moved, profile=str(self.profile.currentData()), format=chosen, name=name,
            compress=self.compress.isChecked(), prove=self.prove.isChecked(), limit=round(self.limit.value() * MB),
            launch=self.launch.isChecked(),
        )  # fmt: skip


def _name_of(draft: Draft) -> str:
    """A name for the image when the person gives none."""
    return Path(draft.called).stem if draft.source.startswith("file:") else draft.image_name() or "image"
