"""The fields of a target's address, for each kind of place, and the URL that they make."""

from __future__ import annotations

import getpass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from PySide6.QtCore import Signal, Slot
from PySide6.QtWidgets import QComboBox, QFileDialog, QFormLayout, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from app import addresses
from ui.widgets.text import button, label

KINDS = (  # scheme, name, standard port, the fields it has
    ("sftp", "SFTP: a server you reach by SSH", 22, ("host", "port", "user", "folder")),
    ("ftpes", "FTPS: a file server with TLS, usual port 21", 21, ("host", "port", "user", "folder")),
    ("ftps", "FTPS, old style: TLS from the start, port 990", 990, ("host", "port", "user", "folder")),
    ("file", "A folder or USB disk of this computer", 0, ("path",)),
    ("openstack", "The image service of an OpenStack cloud", 0, ("cloud",)),
    ("swift", "The object store (Swift) of an OpenStack cloud", 0, ("cloud", "container")),
)
FIELDS = {
    "host": ("&Server", "for example upload.example.org"),
    "port": ("&Port", ""),
    "user": ("&User", "your login name there"),
    "folder": ("Fol&der", "leave it empty for the folder you land in"),
    "path": ("Fol&der", "choose a folder"),
    "cloud": ("C&loud", "its name in clouds.yaml"),
    "container": ("C&ontainer", ""),
}
ABOUT = {"file": "local", "openstack": "openstack", "swift": "generic"}


class Address(QWidget):
    """A form that shows only the fields of the chosen kind."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.kind = QComboBox()
        for scheme, name, _, _ in KINDS:
            self.kind.addItem(self.tr(name), scheme)
        self.kind.setAccessibleName(self.tr("Kind of place"))
        self.port = QSpinBox()
        self.port.setRange(1, 65535)
        self.lines = {name: QLineEdit() for name in FIELDS if name != "port"}
        self.form = QFormLayout(self)
        self.form.setContentsMargins(0, 0, 0, 0)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self.form.setVerticalSpacing(8)
        self.form.addRow(self._named(self.tr("&Kind"), self.kind), self.kind)
        self.rows: dict[str, QWidget] = {}
        for name, (title, hint) in FIELDS.items():
            self._lay(name, self.tr(title), self.tr(hint))
        self.lines["user"].setText(getpass.getuser())
        self.kind.currentIndexChanged.connect(self._kind_chosen)
        self._kind_chosen(0)

    def _named(self, title: str, widget: QWidget) -> QWidget:
        made = label(title)
        made.setWordWrap(False)
        made.setBuddy(widget)
        return made

    def _lay(self, name: str, title: str, hint: str) -> None:
        field: QSpinBox | QLineEdit = self.port if name == "port" else self.lines[name]
        field.setAccessibleName(title.replace("&", ""))
        if isinstance(field, QLineEdit):
            field.setPlaceholderText(hint)
            field.textChanged.connect(self.changed)
        else:
            field.valueChanged.connect(self.changed)
        shown: QWidget = field
        if name == "path":
            shown = QWidget()
            across = QHBoxLayout(shown)
            across.setContentsMargins(0, 0, 0, 0)
            across.addWidget(field)
            across.addWidget(button(self.tr("&Browse …"), self._browse))
        self.rows[name] = shown
        self.form.addRow(self._named(title, field), shown)

    @property
    def scheme(self) -> str:
        """The chosen kind's URL scheme."""
        return str(self.kind.currentData())

    def take(self, scheme: str) -> None:
        """Choose a kind of place."""
        self.kind.setCurrentIndex(self.kind.findData(scheme))

    @Slot(int)
    def _kind_chosen(self, number: int) -> None:
        _, _, port, fields = KINDS[number]
        for name, shown in self.rows.items():
            self.form.setRowVisible(shown, name in fields)
        if port:
            self.port.setValue(port)
        self.changed.emit()

    @Slot()
    def _browse(self) -> None:
        dialog = QFileDialog(self, self.tr("Choose a folder"), self.lines["path"].text())
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(self.lines["path"].setText)
        dialog.open()

    def text(self, name: str) -> str:
        """What is written in a field."""
        return self.lines[name].text().strip()

    def missing(self) -> str:
        """The first thing that is not said yet, in a sentence."""
        needed = {
            "host": self.tr("Write the server's name."),
            "path": self.tr("Choose the folder."),
            "cloud": self.tr("Write the cloud's name."),
            "container": self.tr("Write the container's name."),
        }
        _, _, _, fields = KINDS[self.kind.currentIndex()]
        return next((said for name, said in needed.items() if name in fields and not self.text(name)), "")

    def url(self, name: str) -> str:
        """The URL of the place; where the kind wants one, *name* becomes the image's."""
        if self.scheme == "file":
            return Path(self.text("path") or "/").expanduser().absolute().as_uri().rstrip("/") + "/"
        if self.scheme == "openstack":
            return f"openstack://{quote(self.text('cloud'), safe='')}/image/{quote(name, safe='')}"
        if self.scheme == "swift":
            place = "/".join(quote(self.text(part), safe="") for part in ("cloud", "container"))
            return f"swift://{place}/{quote(name, safe='')}"
        return f"{self.scheme}://{self._login()}{self._folder()}"

    def _login(self) -> str:
        host, user = self.text("host"), self.text("user")
        host = f"[{host}]" if ":" in host and not host.startswith("[") else host
        standard = next(port for scheme, _, port, _ in KINDS if scheme == self.scheme)
        port = "" if self.port.value() == standard else f":{self.port.value()}"
        return f"{quote(user, safe='') + '@' if user else ''}{host}{port}"

    def _folder(self) -> str:
        folder = self.text("folder")
        if self.scheme == "sftp" and not folder.startswith("/"):
            folder = f"/~/{folder.removeprefix('~').lstrip('/')}"
        return quote(f"/{folder.strip('/')}/".replace("//", "/"), safe="/~")

    def fill(self, url: str) -> None:
        """Show the parts of *url*."""
        parts = urlsplit(url)
        if self.kind.findData(parts.scheme) < 0:
            return
        self.take(parts.scheme)
        path = unquote(urlsplit(addresses.split_target(url)[0]).path)
        if parts.scheme == "file":
            self.lines["path"].setText(path)
        elif parts.scheme in ("openstack", "swift"):
            self.lines["cloud"].setText(unquote(parts.netloc))
            self.lines["container"].setText(path.strip("/") if parts.scheme == "swift" else "")
        else:
            self.lines["host"].setText(parts.hostname or "")
            self.lines["user"].setText(unquote(parts.username or ""))
            self.port.setValue(parts.port or self.port.value())
            self.lines["folder"].setText(path.removeprefix("/~/") if path.startswith("/~/") else path)
