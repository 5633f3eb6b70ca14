"""Runs one act beside the window's own thread, and tells the window what happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QThread, Signal, Slot

from app.context import Event
from app.errors import KEPT, Trouble, trouble
from app.secrets import Answers

Report = Callable[[Event], None]
Act = Callable[[Report, threading.Event, Answers], Any]
TICK = 0.1  # seconds between two progress events that reach the window, at the least

_alive: set[Runner] = set()


@dataclass(frozen=True)
class Failure:
    """Why an act ended early: the exception, and its five parts without secrets."""

    exc: BaseException
    trouble: Trouble


class Runner(QThread):
    """One act in one thread. `finished` (QThread's own) comes after `result` or `failed`, whatever happens.

    The signals carry plain objects: Qt drops an `int` above 2^31 without a word. Connect them only
    to methods of QObjects that live in the window's thread; a lambda would run in this one. A
    runner keeps itself alive until its thread has ended: Qt aborts the program otherwise.
    """

    told = Signal(object)
    failed = Signal(object)
    result = Signal(object)

    def __init__(self, act: Act, answers: Answers, means: str = KEPT) -> None:
        super().__init__()
        self._act, self._answers, self._means = act, answers, means
        self._cancel = threading.Event()
        self._pace = Pacer(self.told.emit)
        self.finished.connect(self._let_go)

    def begin(self) -> None:
        """Start the thread, and hold on to it until it has ended."""
        _alive.add(self)
        self.start()

    def cancel(self) -> None:
        """Ask the act to stop; it stops at its next safe place. Never blocks."""
        self._cancel.set()

    def run(self) -> None:
        """The thread: whatever happens in it ends in exactly one `result` or `failed`."""
        try:
            value = self._act(self._pace, self._cancel, self._answers)
            self._pace.flush()
        except BaseException as exc:  # noqa: BLE001 - a wait in the window must end, whatever this was
            self.failed.emit(_failure(exc, self._answers, self._means))
        else:
            self.result.emit(value)

    @Slot()
    def _let_go(self) -> None:
        self.wait()
        del self._act, self._pace  # no cycle may be left: Python could collect, and Qt delete, this in any thread
        _alive.discard(self)


class Pacer:
    """Hands events on, progress at most ten times a second; all other events, and the last progress, always."""

    def __init__(self, emit: Report, clock: Callable[[], float] = time.monotonic) -> None:
        self._emit, self._clock = emit, clock
        self._held: Event | None = None
        self._next = 0.0
        self._whole: tuple[str, str, int] | None = None

    def __call__(self, event: Event) -> None:
        """Take one event from the engine."""
        if event.kind != "tick":
            self.flush()
            self._emit(event)
            return
        self._held = event
        if self._clock() >= self._next or self._completes(event):
            self.flush()

    def _completes(self, event: Event) -> bool:
        """Whether *event* is the first to say that its part is complete: nothing may follow for a long time."""
        whole = (event.step, event.text, event.total) if event.total and event.done >= event.total else None
        new, self._whole = whole is not None and whole != self._whole, whole
        return new

    def flush(self) -> None:
        """Hand on the progress that is held back, if any."""
        if self._held:
            held, self._held = self._held, None
            self._next = self._clock() + TICK
            self._emit(held)


def alive() -> list[Runner]:
    """The runners whose threads have not ended yet."""
    return list(_alive)


def _failure(exc: BaseException, answers: Answers, means: str) -> Failure:
    told = trouble(exc, means=means)
    hidden = {name: answers.redact(getattr(told, name)) for name in ("what", "means", "remedy", "details")}
    _let_go_of_frames(exc)
    return Failure(exc, replace(told, **hidden))


def _let_go_of_frames(exc: BaseException | None) -> None:
    """Forget the frames of *exc* and its causes: they would keep the ended thread's sockets and contexts alive."""
    while exc is not None and exc.__traceback__ is not None:
        exc.__traceback__ = None
        exc = exc.__cause__ or exc.__context__
