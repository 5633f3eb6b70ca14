"""What every command talks to: it shows events, asks the person, and is stopped by Ctrl-C."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Protocol, TypeVar

from app import lines, words
from app.commands import asking
from app.commands.streams import Calm, person_here
from app.context import Event
from app.engine import Report
from app.errors import NeedsAnswer, Trouble, Usage, exit_code, trouble
from app.secrets import Answers, keyring_here
from app.units import bare

T = TypeVar("T")
Act = Callable[[Report, threading.Event, Answers], T]


class Display(Protocol):
    """Shows the events of a job to whoever looks."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Leave the screen tidy."""


class Terminal:
    """The person's terminal, or the program that reads `--json`."""

    def __init__(self, answers: Answers, accepted: asking.Accepted, *, as_json: bool, keyring: bool) -> None:
        self.answers, self.as_json, self._keyring = answers, as_json, keyring
        self.cancel = threading.Event()
        self.asking = False
        self._found: set[str] = set()  # findings shown: an act that is begun again after an answer finds them again
        self._unit: dict[str, Any] = {}  # of the phase: its ticks do not name it again
        self._accepted, self._lock = accepted, threading.RLock()
        self._display: Display | None = None
        self._out, self._err = Calm(sys.stdout), Calm(sys.stderr)

    def act(self, act: Act[T]) -> T:
        """Do *act*; when it wants an answer, ask the person (if one is here) and do it again."""
        while True:
            try:
                return act(self.report, self.cancel, self.answers)
            except NeedsAnswer as need:
                self.pause_display()
                question = need.question
                if self._accepted.has(question):
                    self.answers.give(question.about, question.detail)
                elif self.as_json or not person_here():
                    raise
                else:
                    self._ask(need)
            finally:
                self.pause_display()

    def report(self, event: Event) -> None:
        """Show an event (called by the engine, from any thread)."""
        facts = self.answers.redact_all(event.facts)
        with self._lock:
            if event.kind != "tick":
                self._unit = {"unit": facts["unit"]} if "unit" in facts else {}
            safe = replace(event, text=self.answers.redact(event.text), facts={**self._unit, **facts})
            if self.as_json:
                self._line(safe.as_json())
            elif not self._known(safe):
                self._shown().show(safe)

    def _known(self, event: Event) -> bool:
        if event.kind not in ("finding", "planned"):
            return False
        said = words.say(event)
        known = said in self._found
        self._found.add(said)
        return known

    def say(self, text: str = "") -> None:
        """Print a line that is a command's result; nothing with `--json`."""
        if not self.as_json:
            self.pause_display()
            safe = self.answers.redact(text).split("\n")
            self._out.write("\n".join(bare(line) for line in safe) + "\n")

    def raw(self, text: str) -> None:
        """Print *text* as it is (a job file, a help text)."""
        if not self.as_json:
            self._out.write(text)

    def hint(self, text: str) -> None:
        """Tell the person something beside the result."""
        if not self.as_json:
            self._err.write(words.plain(self.answers.redact(text)) + "\n")

    def result(self, command: str, facts: dict[str, Any]) -> None:
        """The last line of `--json`; raises when what was printed could not be written."""
        if self.as_json:
            self._line(lines.result(command, facts))
        self._out.check()

    def failed(self, exc: BaseException, remedy: str = "", *, debug: bool = False) -> int:
        """Tell what went wrong in `error:` and `try:` lines, and return the exit code."""
        self.pause_display()
        why = trouble(exc)
        means = "" if isinstance(exc, Usage) and not exc.means else why.means
        said = replace(why, means=means, remedy=remedy or why.remedy)
        said = Trouble(**self.answers.redact_all(asdict(said)))
        if self.as_json:
            self._line({"kind": "error", **_parts(said, exc)})
        for line in asking.error_lines(said, exc):
            self._err.write(self.answers.redact(line) + "\n")
        if debug:
            self._err.write(said.details)
        return exit_code(exc)

    def confirm(self, text: str) -> bool:
        """Ask whether to do *text*; False without a person."""
        if self.as_json or not person_here():
            return False
        self.asking = True
        try:
            return asking.confirmed(text)
        finally:
            self.asking = False

    def pause_display(self) -> None:
        """Take the live bars off the screen."""
        with self._lock:
            if self._display:
                self._display.close()
            self._display = None

    def _ask(self, need: NeedsAnswer) -> None:
        self.asking = True
        try:
            answer, keep = asking.ask(need, can_keep=self._keyring and keyring_here())
        finally:
            self.asking = False
        if keep and not self.answers.give(need.question.about, answer, keep=True):
            self.hint("The system's keyring did not take it; it is kept for this time only.")
        self.answers.give(need.question.about, answer)

    def _shown(self) -> Display:
        if self._display is None:
            from app.commands.progress import display

            self._display = display(self._err)
        return self._display

    def _line(self, data: dict[str, Any]) -> None:
        self._out.write(lines.line(data, self.answers))


def _parts(said: Trouble, exc: BaseException) -> dict[str, Any]:
    parts = {
        "trouble": said.kind, "text": said.what, "means": said.means, "did": said.did, "remedy": said.remedy,
        "topic": said.topic, "exit": exit_code(exc),
    }  # fmt: skip
    if isinstance(exc, NeedsAnswer):
        asked = exc.question
        parts["question"] = {"kind": asked.kind, "about": asked.about, "text": asked.text, "detail": asked.detail}
    return parts
