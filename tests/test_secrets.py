"""Secrets come in by three doors and leave by none."""

from __future__ import annotations

import keyring
import keyring.backend
import keyring.errors
import pytest

from app.errors import NeedsAnswer, Question, Usage
from app.secrets import Answers, keyring_here, login_of, read_secret_lines, redact_urls


class Memory(keyring.backend.KeyringBackend):
    """A keyring that works."""

    priority = 5  # type: ignore[assignment]

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self.kept.pop((service, username))


class Locked(Memory):
    """A keyring whose owner is away."""

    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked

    def set_password(self, service: str, username: str, password: str) -> None:
        raise keyring.errors.KeyringLocked

    def delete_password(self, service: str, username: str) -> None:
        raise keyring.errors.KeyringLocked


def test_without_a_keyring_an_answer_lives_for_the_session_only() -> None:
    answers = Answers()
    assert not keyring_here()
    assert answers.give("sftp://me@h", "s3cret!", keep=True) is False
    assert answers.get("sftp://me@h") == "s3cret!"
    assert Answers().get("sftp://me@h") is None


def test_with_a_keyring_it_is_kept_and_forgotten_when_wrong() -> None:
    keyring.set_keyring(Memory())
    assert Answers().give("sftp://me@h", "s3cret!", keep=True)
    later = Answers()
    assert later.get("sftp://me@h") == "s3cret!"
    later.forget("sftp://me@h")
    assert Answers().get("sftp://me@h") is None


def test_a_locked_keyring_is_as_good_as_none() -> None:
    keyring.set_keyring(Locked())
    answers = Answers()
    assert answers.get("a") is None
    assert answers.give("a", "b", keep=True) is False
    answers.forget("a")


def test_what_nobody_answered_is_asked() -> None:
    question = Question("password", "sftp://me@h", "The password of me?")
    with pytest.raises(NeedsAnswer) as caught:
        Answers().need(question)
    assert caught.value.question == question
    assert caught.value.exit_code == 3


def test_nothing_that_was_seen_gets_through_redaction() -> None:
    answers = Answers({"a": "hunter2-long", "b": "hunter2"})
    said = answers.redact("x hunter2-long y hunter2 https://joe:pw@host/ z")
    assert "hunter2" not in said
    assert "pw@" not in said
    assert redact_urls("ssh://me@host:22/x a:b@c") == "ssh://me@host:22/x a:b@c"


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("sftp://me@host:2222/a/b?c", "sftp://me@host:2222"),
        ("ftps://me:pw@host/a", "ftps://me@host"),
        ("ssh://host", "ssh://host"),
        ("sftp://me@[::1]:22/", "sftp://me@[::1]:22"),
    ],
)
def test_a_login_is_the_url_without_path_and_password(url: str, login: str) -> None:
    assert login_of(url) == login


def test_secret_lines() -> None:
    assert read_secret_lines(["sftp://me@h\ta\tb \n", "\n"]) == {"sftp://me@h": "a\tb "}
    with pytest.raises(Usage, match="Line 2"):
        read_secret_lines(["a\tb\n", "no tab"])
