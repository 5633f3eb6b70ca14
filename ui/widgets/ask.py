"""The questions an act can have: a password or code, whether a fingerprint is right, whether an old server will do."""

from __future__ import annotations

from textwrap import wrap

from PySide6.QtCore import Qt, Signal, Slot
from PySide6.QtGui import QFontDatabase, QGuiApplication, QShowEvent
from PySide6.QtWidgets import QDialog, QFrame, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from app import words
from app.errors import Question, Trouble
from app.secrets import keyring_here
from ui.look import Drawing
from ui.widgets.text import add, button, label, row

ACROSS = 55  # letters of a fingerprint on one line
ONCE, SESSION, KEYCHAIN = "once", "session", "keychain"  # how long an answer is kept
MAY_BE_EMPTY = "passphrase"  # an empty one means: go on without this key
FINGERPRINTS = ("host-key", "host-key-changed", "certificate")
TITLES = {
    "password": "Password",
    "passphrase": "Passphrase of your key",
    "sudo": "Password for administration",
    "code": "Code for logging in",
    "old-server": "A very old server",
    "host-key": "Is this the right server?",
    "host-key-changed": "The server has changed",
    "certificate": "Is this the right server?",
}


class Asking(QDialog):
    """A question; `answered(about, value, how long)` comes with the answer, `rejected` without one. Never `exec()`."""

    answered = Signal(str, str, str)

    def __init__(self, question: Question, parent: QWidget) -> None:
        super().__init__(parent)
        self.question = question
        self.setWindowTitle(self.tr(TITLES.get(question.kind, "A question")))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._around = QVBoxLayout(self)  # a frame of its own: not every display draws one around a window
        self._around.setContentsMargins(0, 0, 0, 0)
        frame = QFrame()
        frame.setProperty("role", "asking")
        self._around.addWidget(frame)
        self.inside = QVBoxLayout(frame)
        self.inside.setContentsMargins(20, 16, 20, 16)
        self.inside.setSpacing(10)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Be as big as the wrapped texts need: a dialog does not see to that by itself."""
        width = max(self._around.minimumSize().width(), self.fontMetrics().averageCharWidth() * 62)
        self.setMinimumSize(width, self._around.totalHeightForWidth(max(self.width(), width)))
        super().showEvent(event)

    def _answer(self, value: str, kept: str) -> None:
        self.accept()
        self.answered.emit(self.question.about, value, kept)


class PasswordDialog(Asking):
    """Asks for a password and how long to keep it: for this question only, this session, or in the keychain."""

    def __init__(self, question: Question, parent: QWidget) -> None:
        super().__init__(question, parent)
        self.line = QLineEdit()
        self.line.setEchoMode(QLineEdit.EchoMode.Password)
        self.line.setMaxLength(4096)
        self.line.setAccessibleName(self.tr(TITLES.get(question.kind, "Password")))
        self.line.textChanged.connect(self._typed)
        asked = label(words.plain(question.text))
        asked.setBuddy(self.line)
        self.once = QRadioButton(self.tr("&Ask every time: forget it when this is done"))
        self.session = QRadioButton(self.tr("Keep it &until I close the program"))
        self.chain = QRadioButton(self.tr("Keep it in this computer's &keychain"))
        (self.once if question.kind == "passphrase" else self.session).setChecked(True)
        self.why = label("", "quiet")
        self._keychain()
        self.ok = button(self.tr("&Log in"), self._said, "primary")
        self.ok.setDefault(True)
        self.ok.setEnabled(question.kind == MAY_BE_EMPTY)
        no = button(self.tr("&Not now"), self.reject)
        top = row(Drawing("key", "accent_text"))
        top.addWidget(asked, 1)
        where = question.about.partition(" ")[0] if question.kind == "code" else question.about
        about = label(self.tr("For: {about}").format(about=words.plain(where)), "quiet")
        for_how_long = (self.once, self.session, self.chain)
        if question.kind == "code":  # good once
            self.once.setChecked(True)
            for choice in (*for_how_long, self.why):
                choice.hide()
        never = label(self.tr("It is never written into a file, a log or the report."), "quiet")
        add(self.inside, top, about, self.line, *for_how_long, self.why, never, row(None, no, self.ok))
        self.line.setFocus()

    def _keychain(self) -> None:
        here = keyring_here()
        self.chain.setEnabled(here)
        said = self.tr(
            "This computer has no keychain that this program can use, so it will be asked for again next time."
        )
        self.why.setText("" if here else said)
        if here:
            self.why.hide()
        self.chain.setAccessibleDescription(self.why.text())

    @Slot(str)
    def _typed(self, text: str) -> None:
        self.ok.setEnabled(bool(text) or self.question.kind == MAY_BE_EMPTY)

    @Slot()
    def _said(self) -> None:
        value = self.line.text()
        self.line.clear()
        self._answer(value, KEYCHAIN if self.chain.isChecked() else ONCE if self.once.isChecked() else SESSION)


class FingerprintDialog(Asking):
    """Shows who a server says it is; No is the default, and a changed server is told in red."""

    def __init__(self, question: Question, parent: QWidget) -> None:
        super().__init__(question, parent)
        changed = question.kind == "host-key-changed"
        top = row(Drawing("bad" if changed else "lock", "bad" if changed else "accent_text"))
        top.addWidget(label(words.plain(question.text), "bad" if changed else ""), 1)
        self.print = label("\n".join(wrap(question.detail, ACROSS)), selectable=True)
        self.print.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.print.setWordWrap(False)
        self.print.setAccessibleName(self.tr("Fingerprint of the server"))
        how = self.tr(
            "Compare this fingerprint with the one that the people who run the server have published or told you. "
            "If they are equal, it is the right server. If you cannot compare, choose No."
        )
        worse = self.tr(
            "This is not the key that the server had before. That is normal after it was set up anew; "
            "it can also mean that somebody is between you and the server. Ask its people before you go on."
        )
        yes = self.tr("&Yes, it is new, and I have compared it") if changed else self.tr("&Yes, it is equal")
        self.yes = button(yes, self._said, "danger" if changed else "")
        self.no = button(self.tr("&No"), self.reject, "primary")
        self.no.setDefault(True)
        copy = button(self.tr("&Copy"), self._copy, about=self.tr("Copy the fingerprint"))
        about = label(self.tr("Server: {about}").format(about=_place(question)), "quiet")
        add(
            self.inside,
            top,
            about,
            self.print,
            label(worse if changed else how, "quiet"),
            row(copy, None, self.yes, self.no),
        )
        self.no.setFocus()

    @Slot()
    def _said(self) -> None:
        self._answer(self.question.detail, SESSION)

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.question.detail)


class AgreementDialog(Asking):
    """Asks whether what is no longer safe may be used for one server; No is the default."""

    def __init__(self, question: Question, parent: QWidget) -> None:
        super().__init__(question, parent)
        top = row(Drawing("care", "care"))
        top.addWidget(label(words.plain(question.text)), 1)
        self.yes = button(self.tr("&Yes, for this server only"), self._said, "danger")
        self.no = button(self.tr("&No"), self.reject, "primary")
        self.no.setDefault(True)
        about = label(self.tr("Server: {about}").format(about=_place(question)), "quiet")
        kept = label(self.tr("Your answer is remembered, and the report tells that they were used."), "quiet")
        add(self.inside, top, about, kept, row(None, self.yes, self.no))
        self.no.setFocus()

    @Slot()
    def _said(self) -> None:
        self._answer(self.question.detail, SESSION)


def _place(question: Question) -> str:
    """The server that *question* is about, without the word before it that tells its kind."""
    return words.plain(question.about.rpartition(" ")[2])


def ask(question: Question, why: Trouble, parent: QWidget) -> Asking:
    """The dialog for *question*, ready to be opened."""
    kinds: dict[str, type[Asking]] = {"old-server": AgreementDialog, **dict.fromkeys(FINGERPRINTS, FingerprintDialog)}
    made = kinds.get(question.kind, PasswordDialog)(question, parent)
    if why.remedy:
        made.setAccessibleDescription(why.remedy)
    return made
