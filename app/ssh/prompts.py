"""What a server asks in a login (keyboard-interactive, RFC 4256): a password, a code of the moment, a new password."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from app.errors import JobError, NeedsAnswer, Question
from app.units import plain

if TYPE_CHECKING:
    from app.context import Context

LONGEST = 400  # letters of a server's own words that are shown
_PASSWORD = re.compile(r"pass ?word|passwor[dt]|kennwort|mot de passe|contrase|passphrase", re.IGNORECASE)
_CODE = re.compile(r"one.?time|\botp\b|token|code|einmal|\bpin\b|factor", re.IGNORECASE)
_NEW = re.compile(r"\b(new|retype|re-enter|repeat|again|neues?|erneut|nouveau)\b", re.IGNORECASE)
_EXPIRED = re.compile(  # Linux-PAM, SSSD, Kerberos; that it will expire some day is no reason to stop
    r"(required to|must|have to) change your|password (has |is )?(expired|aged)|password change req|wort.*abgelaufen",
    re.IGNORECASE,
)


class Prompts:
    """The prompts of one login at *where*; *about* is the login, under which its password is kept.

    What is not known yet is raised as `NeedsAnswer` before anything is answered. A code is forgotten as it is used.
    """

    def __init__(self, where: str, about: str, ctx: Context) -> None:
        self.where, self.about, self.ctx = where, about, ctx
        self.codes: list[Question] = []  # what was answered besides the password
        self.names: list[str] = []  # what was asked for besides it
        self.password_given = False

    def answered(self, title: str, instructions: str, prompts: list[tuple[str, bool]]) -> list[str]:
        """The replies to one round of prompts."""
        said = shown(f"{title} {instructions}")
        for text in (said, *(prompt for prompt, _ in prompts)):
            self._stop_if_expired(text, is_prompt=text is not said)
        if said and not prompts:
            self.ctx.note(f"{self.where} says: {said}")
        before = len(self.names)
        asked = [self._question(prompt, said) for prompt, _ in prompts]
        try:
            replies = [self.ctx.need(question) for question in asked]
        except NeedsAnswer:
            del self.names[before:]  # this round comes again
            raise
        for question in asked:
            if question.kind == "code":
                self.codes.append(question)
                self.ctx.answers.let_go(question.about)
        return replies

    def refused(self, *, hung_up: bool = False) -> NeedsAnswer:
        """The server did not take what it was given: all of it is wanted anew, first what was asked first."""
        if not self.password_given and self.codes:
            first = self.codes[0]
            return NeedsAnswer(Question("code", first.about, f"That was not right, or too late. {first.text}"))
        self.ctx.answers.forget(self.about)
        which = "this password or this code" if self.codes else "this password"
        text = f"{self.where} refused {which}."
        if hung_up:  # OpenSSH does so without a word where PAM allows no login
            text = f"{self.where} hung up when it got {which}: it is wrong, or the account there has ended."
        text += " Type the password again, please."
        return NeedsAnswer(Question("password", self.about, text))

    def _question(self, prompt: str, said: str) -> Question:
        if is_password(prompt):
            self.password_given = True
            return Question("password", self.about, f"{self.where} asks for a password. {said}".strip())
        name = re.sub(r"[\d\W]+", " ", prompt).strip() or "code"  # without what changes from login to login
        self.names.append(name)
        again = self.names.count(name)
        about = f"{self.about} {name}{f' {again}' if again > 1 else ''}"
        return Question("code", about, f"{self.where} asks: {f'{said} ' if said else ''}{shown(prompt)}")

    def _stop_if_expired(self, text: str, *, is_prompt: bool) -> None:
        if _EXPIRED.search(text) or (is_prompt and _PASSWORD.search(text) and _NEW.search(text)):
            raise expired(self.where, shown(text))


def is_password(prompt: str) -> bool:
    """Whether *prompt* asks for the password itself."""
    return not prompt.strip() or bool(_PASSWORD.search(prompt) and not _CODE.search(prompt) and not _NEW.search(prompt))


def says_expired(text: str) -> bool:
    """Whether a server's words mean that the password must be changed first."""
    return bool(_EXPIRED.search(text))


def expired(where: str, said: str = "") -> JobError:
    """The password must be changed before the server lets anyone work."""
    return JobError(
        f"The password at {where} has expired and must be changed{f'; it says: “{said}”' if said else '.'}",
        "Log in there with `ssh` in a terminal, choose a new password, then go on here with the new one.",
        means="Nothing was changed.",
        topic="login",
    )


def shown(text: str) -> str:
    """A server's own words on one line, without anything that a terminal would obey."""
    return plain(text)[:LONGEST]
