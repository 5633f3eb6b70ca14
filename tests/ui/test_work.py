"""An act asks, the person answers in a dialog, and the act goes on; nothing blocks meanwhile."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from app.errors import JobError, NeedsAnswer, Question
from app.secrets import Answers
from ui.widgets.ask import AgreementDialog, FingerprintDialog, PasswordDialog
from ui.work import Work

LOGIN = Question("password", "sftp://me@host:22", "What is the password of me at host?")
KEY = Question("host-key", "host-key ssh://host:22", "Is this host?", "SHA256:abcdefgh")


@pytest.fixture
def page(qtbot) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    made.show()
    return made


class Asks:
    """An act that wants answers."""

    def __init__(self, *questions: Question) -> None:
        self.questions, self.runs = questions, 0

    def __call__(self, report, cancel, answers: Answers) -> dict[str, str]:
        self.runs += 1
        return {q.about: answers.need(q) for q in self.questions}


def test_a_password_and_a_fingerprint_are_asked_one_after_the_other(qtbot, page, answers, shown) -> None:
    work, got, act = Work(answers, page), [], Asks(KEY, LOGIN)
    work.done.connect(got.append)
    work.start(act)
    shown(lambda: work.asking is not None)
    assert isinstance(work.asking, FingerprintDialog)
    assert work.asking.no.isDefault()
    work.asking.yes.click()
    shown(lambda: isinstance(work.asking, PasswordDialog))
    work.asking.line.setText("open sesame")
    work.asking.ok.click()
    shown(lambda: bool(got))
    assert got == [{KEY.about: KEY.detail, LOGIN.about: "open sesame"}]
    assert act.runs == 3
    assert not work.running


@pytest.mark.parametrize("question", [LOGIN, KEY])
def test_esc_means_no_and_nothing_is_answered(qtbot, page, answers, shown, question: Question) -> None:
    work, ends = Work(answers, page), []
    work.stopped.connect(lambda: ends.append("stopped"))
    work.start(Asks(question))
    shown(lambda: work.asking is not None and work.asking.isVisible())
    qtbot.keyClick(work.asking, Qt.Key.Key_Escape)
    shown(lambda: ends == ["stopped"])
    assert answers.get(question.about) is None
    assert not work.running


def test_enter_in_a_fingerprint_dialog_is_no(qtbot, page, answers, shown) -> None:
    work, ends = Work(answers, page), []
    work.stopped.connect(lambda: ends.append("stopped"))
    work.start(Asks(KEY))
    shown(lambda: work.asking is not None and work.asking.isVisible())
    qtbot.keyClick(work.asking, Qt.Key.Key_Return)
    shown(lambda: ends == ["stopped"])
    assert answers.get(KEY.about) is None


def test_a_refused_password_is_asked_again_with_the_reason(page, answers, shown) -> None:
    work, got = Work(answers, page), []
    work.done.connect(got.append)

    def act(report, cancel, answers: Answers) -> str:
        if answers.need(LOGIN) != "right":
            answers.forget(LOGIN.about)
            raise NeedsAnswer(Question("password", LOGIN.about, "It was refused. What is the password?"))
        return "in"

    work.start(act)
    shown(lambda: work.asking is not None)
    work.asking.line.setText("wrong")
    work.asking.ok.click()
    shown(lambda: work.asking is not None and "refused" in work.asking.question.text)
    assert not work.asking.line.text()
    work.asking.line.setText("right")
    work.asking.ok.click()
    shown(lambda: got == ["in"])


def test_a_second_start_does_not_disturb_the_first(page, answers, shown) -> None:
    work, got, go = Work(answers, page), [], threading.Event()
    work.done.connect(got.append)
    work.start(lambda report, cancel, answers: go.wait(10) and "first")
    work.start(lambda report, cancel, answers: "second")
    go.set()
    shown(lambda: got == ["first"])


def test_trouble_is_told_and_the_work_can_start_again(page, answers, shown) -> None:
    work, troubles, got = Work(answers, page), [], []
    work.failed.connect(troubles.append)
    work.done.connect(got.append)

    def act(report, cancel, answers) -> None:
        raise JobError("The disk is full.", "Free space.")

    work.start(act)
    shown(lambda: bool(troubles))
    assert (troubles[0].what, troubles[0].remedy) == ("The disk is full.", "Free space.")
    work.start(lambda report, cancel, answers: 7)
    shown(lambda: got == [7])


def test_an_answer_in_the_slot_of_the_end_can_start_the_next_act(page, answers, shown) -> None:
    work, got = Work(answers, page), []

    def first_done(value: object) -> None:
        got.append(value)
        if len(got) == 1:
            work.start(lambda report, cancel, answers: "second")

    work.done.connect(first_done)
    work.start(lambda report, cancel, answers: "first")
    shown(lambda: got == ["first", "second"])


def test_without_a_keychain_it_is_not_offered_and_that_is_said(page, answers) -> None:
    dialog = PasswordDialog(LOGIN, page)
    assert not dialog.chain.isEnabled()
    assert "no keychain" in dialog.why.text()
    assert dialog.session.isChecked()
    assert not dialog.ok.isEnabled()


def test_an_answer_for_one_act_is_forgotten_when_the_act_has_ended(page, answers, shown) -> None:
    work, got = Work(answers, page), []
    work.done.connect(got.append)
    for time in range(2):
        work.start(Asks(LOGIN))
        shown(lambda: work.asking is not None and work.asking.isVisible())
        work.asking.once.click()
        work.asking.line.setText("open sesame")
        work.asking.ok.click()
        shown(lambda n=time: len(got) == n + 1)
        assert got[-1] == {LOGIN.about: "open sesame"}
        assert answers.get(LOGIN.about) is None, "asked every time"
    assert "sesame" not in answers.redact("open sesame"), "still hidden in what is told later"


def test_an_answer_for_one_act_lives_through_the_questions_that_follow(page, answers, shown) -> None:
    work, got = Work(answers, page), []
    work.done.connect(got.append)
    work.start(Asks(LOGIN, KEY))
    shown(lambda: isinstance(work.asking, PasswordDialog))
    work.asking.once.click()
    work.asking.line.setText("open sesame")
    work.asking.ok.click()
    shown(lambda: isinstance(work.asking, FingerprintDialog))
    assert answers.get(LOGIN.about) == "open sesame"
    work.asking.reject()
    shown(lambda: not work.running)
    assert answers.get(LOGIN.about) is None
    assert not got


def test_a_keys_passphrase_is_asked_every_time_and_may_be_left_empty(page, answers, shown) -> None:
    key = Question("passphrase", "key:///home/ada/.ssh/id", "The passphrase (leave it empty to go on without).")
    work, got = Work(answers, page), []
    work.done.connect(got.append)
    work.start(Asks(key))
    shown(lambda: work.asking is not None and work.asking.isVisible())
    assert work.asking.once.isChecked()
    assert work.asking.ok.isEnabled()
    work.asking.ok.click()
    shown(lambda: got == [{key.about: ""}])
    assert answers.get(key.about) is None


def test_a_failure_of_an_act_that_only_looks_says_so(page, answers, shown) -> None:
    work, troubles = Work(answers, page, "It was only looked at."), []
    work.failed.connect(troubles.append)

    def act(report, cancel, answers) -> None:
        raise JobError("No such file.", means="" if not troubles else "It is broken.")

    for number, told in enumerate(("It was only looked at.", "It is broken.")):
        work.start(act)
        shown(lambda n=number: len(troubles) == n + 1)
        assert troubles[-1].means == told


def test_a_changed_key_is_told_in_words_and_no_is_the_default(page) -> None:
    dialog = FingerprintDialog(Question("host-key-changed", "x", "The key of host has changed.", "SHA256:zz"), page)
    assert dialog.no.isDefault()
    assert not dialog.yes.isDefault()
    assert dialog.yes.property("role") == "danger"


def test_a_code_is_not_offered_to_be_kept(page, answers, shown) -> None:
    code = Question("code", "ssh://ada@host Code", "host asks: Code:")
    work, got = Work(answers, page), []
    work.done.connect(got.append)
    work.start(Asks(code))
    shown(lambda: work.asking is not None and work.asking.isVisible())
    assert not any(choice.isVisible() for choice in (work.asking.once, work.asking.session, work.asking.chain))
    work.asking.line.setText("123456")
    work.asking.ok.click()
    shown(lambda: got == [{code.about: "123456"}])
    assert answers.get(code.about) is None


def test_an_old_server_is_used_only_after_a_yes_and_no_is_the_default(page, answers, shown) -> None:
    old = Question("old-server", "old-ssh ssh://host:22", "The SSH server of host is very old.", "hmac-sha1, ssh-rsa")
    work, got, stopped = Work(answers, page), [], []
    work.done.connect(got.append)
    work.stopped.connect(lambda: stopped.append(True))
    work.start(Asks(old))
    shown(lambda: isinstance(work.asking, AgreementDialog) and work.asking.isVisible())
    assert work.asking.no.isDefault()
    work.asking.no.click()
    shown(lambda: stopped == [True])
    work.start(Asks(old))
    shown(lambda: work.asking is not None and work.asking.isVisible())
    work.asking.yes.click()
    shown(lambda: got == [{old.about: old.detail}])


def test_a_hostile_name_is_shown_as_plain_text(page) -> None:
    dialog = PasswordDialog(Question("password", "a\x1b[2Jb", "<b>bold</b>\x1b[31m?"), page)
    from PySide6.QtWidgets import QLabel

    for shown in dialog.findChildren(QLabel):
        assert shown.textFormat() == Qt.TextFormat.PlainText
        assert "\x1b" not in shown.text()
