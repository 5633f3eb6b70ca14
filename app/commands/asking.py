"""Questions to a person at a terminal: passwords unseen, fingerprints with No as the answer that comes first."""

from __future__ import annotations

import getpass
import sys
from dataclasses import dataclass

from app import words
from app.errors import JobError, NeedsAnswer, Question, Trouble
from app.units import plain

FINGERPRINTS = ("host-key", "host-key-changed", "certificate")


@dataclass(frozen=True)
class Accepted:
    """The fingerprints that the person gave on the command line."""

    host_keys: tuple[str, ...] = ()
    certificates: tuple[str, ...] = ()

    def has(self, question: Question) -> bool:
        """Whether *question* shows a fingerprint that was accepted beforehand."""
        given = self.certificates if question.kind == "certificate" else self.host_keys
        return question.kind in FINGERPRINTS and any(_same(question, one) for one in given)


def ask(need: NeedsAnswer, *, can_keep: bool) -> tuple[str, bool]:
    """The person's answer, and whether to keep it in the keyring; raises `NeedsAnswer` when they give none."""
    question = need.question
    if question.kind in FINGERPRINTS:
        return _fingerprint(question), False
    if question.kind == "old-server":
        return _agreement(question), False
    _tell(plain(question.text))
    try:
        answer = getpass.getpass(f"{_PROMPTS.get(question.kind, 'Answer')} ({plain(question.about)}): ")
    except EOFError:
        raise need from None
    if not answer and question.kind != "passphrase":  # without one: go on without this key
        raise need
    keep = bool(answer) and can_keep and question.kind != "code"
    return answer, keep and confirmed("Keep it in this computer's keyring?")


def confirmed(text: str) -> bool:
    """Ask yes or no; anything but yes is no."""
    sys.stderr.write(f"{plain(text)} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def error_lines(why: Trouble, exc: BaseException) -> list[str]:
    """`error: …`, what it means, `try: …`, and where to read more."""
    lines = words.trouble_lines(why)
    if isinstance(exc, NeedsAnswer):
        lines[-1:] = [f"try: {part}" for part in _beforehand(exc.question)] or lines[-1:]
    return [*lines, f"more: sandhopper help {why.topic}"] if why.topic else lines


def _fingerprint(question: Question) -> str:
    _tell(plain(question.text))
    _tell(f"  {plain(question.about)}")
    _tell(f"  shows {plain(question.detail)}")
    if question.kind == "host-key-changed":
        _tell("  It showed another one before. Go on only if the people who run it say that it was changed.")
    else:
        _tell("  Compare it with the one that the people who run it have published.")
    if confirmed("Is it the same, and shall it be trusted from now on?"):
        return question.detail
    raise JobError(
        "The server was not trusted, as you chose.",
        "Ask the people who run it for its fingerprint, and compare again.",
        means="Nothing was sent to it.",
        topic="certificate" if question.kind == "certificate" else "host-key",
    )


def _agreement(question: Question) -> str:
    _tell(plain(question.text))
    if confirmed("Use them for this server?"):
        return question.detail
    raise JobError(
        "The old ways of this server are not used, as you chose.",
        "Ask its people for a newer SSH server, or use another way in.",
        means="Nothing was sent to it.",
        topic="old-server",
    )


def _beforehand(question: Question) -> list[str]:
    """How the answer can be given without a terminal."""
    if question.kind in FINGERPRINTS:
        word = "certificate" if question.kind == "certificate" else "host-key"
        return [
            f"Compare {plain(question.detail)} with what the people who run the server have published, then add:",
            f"  --accept-{word} {plain(question.detail)}",
        ]
    answer = plain(question.detail) if question.kind == "old-server" else "SECRET"
    return [f"Start it in a terminal, or add --secrets-stdin and write there: {plain(question.about)}<TAB>{answer}"]


def _same(question: Question, given: str) -> bool:
    if question.kind == "certificate":
        return _hex(given) == _hex(question.detail)
    return given.removeprefix("SHA256:").rstrip("=") == question.detail.removeprefix("SHA256:").rstrip("=")


def _hex(fingerprint: str) -> str:
    return fingerprint.upper().removeprefix("SHA256:").replace(":", "")


def _tell(line: str) -> None:
    sys.stderr.write(line + "\n")


_PROMPTS = {"password": "Password", "code": "Code", "passphrase": "Passphrase", "sudo": "Password for sudo"}
