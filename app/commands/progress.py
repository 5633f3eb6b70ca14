"""Progress in a terminal: one live bar a phase, or plain lines where nobody looks live."""

from __future__ import annotations

import os
import threading
import time

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from app import words
from app.commands.streams import Calm
from app.context import Event
from app.progress import Progress as Going

WIDEST = 50  # letters of a starting machine's own words
AT_LEAST_EVERY = 30.0  # seconds between two lines where nothing is live
ASKED = 17.0  # seconds without a byte after which an answer is here why, if there is going to be one
REMARKS = 60.0  # seconds between two sentences about what sets the speed; why nothing gets through is told at once
_MARKS = {"done": "✓", "failed": "✗", "retry": "…", "cancelled": "■", "undone": "↶", "finding": "·", "note": "·"}
_STYLES = {"done": "green", "failed": "red", "retry": "yellow", "stop": "red", "care": "yellow", "started": "bold"}


def display(stream: Calm) -> Live | Lines:
    """The display that fits where the words go."""
    live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Live(stream) if live else Lines(stream)


class Live:
    """Sentences that stay, and under them one bar that moves."""

    def __init__(self, stream: Calm) -> None:
        self._going, self._remarks = Going(), Remarks()
        self._console = Console(file=stream, highlight=False, soft_wrap=True)  # type: ignore[arg-type]
        columns = (
            TextColumn("  {task.description}", markup=False),
            BarColumn(24),
            TextColumn("{task.fields[said]}", markup=False),
            TimeElapsedColumn(),
        )
        self._bars = Progress(
            *columns, console=self._console, transient=True, redirect_stdout=False, redirect_stderr=False
        )
        self._bar: TaskID | None = None
        self._bars.start()

    def show(self, event: Event) -> None:
        """Show one event."""
        self._going.take(event)
        if said := self._remarks.new(self._going):
            self._console.print(Text(f"· {said}"))
        if event.kind in ("phase", "started"):
            self._begin(event)
        elif event.kind == "tick":
            self._move(event)
        if event.kind not in ("phase", "tick"):
            style = _STYLES.get(str(event.facts.get("grade")), _STYLES.get(event.kind, ""))
            self._console.print(Text(_marked(event), style=style))
        if event.kind in ("done", "failed", "cancelled", "undone", "finished"):
            self._drop()

    def close(self) -> None:
        """Take the bar off the screen."""
        self._drop()
        self._bars.stop()

    def _begin(self, event: Event) -> None:
        self._drop()
        named = words.phase(event.text) or words.doing(event.step)
        self._bar = self._bars.add_task(named, total=event.total or None, completed=event.done, said="")
        self._move(event)

    def _move(self, event: Event) -> None:
        if self._bar is None:
            self._begin(event)
        elif event.kind != "started":
            said = amount(event, self._going)
            self._bars.update(self._bar, completed=event.done, total=event.total or None, said=said)

    def _drop(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        self._bar = None


class Lines:
    """A line for everything that happens, and one at least every `AT_LEAST_EVERY` seconds while nothing does."""

    def __init__(self, stream: Calm) -> None:
        self._stream, self._going, self._remarks = stream, Going(), Remarks()
        self._event: Event | None = None
        self._began = self._said = time.monotonic()
        self._lock, self._ended = threading.Lock(), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def show(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            self._going.take(event)
            if event.kind in ("phase", "started"):
                self._began = time.monotonic()
            self._event = event
            if said := self._remarks.new(self._going):
                self._print(f"· {said}")
            if event.kind == "phase":
                self._print(f"  {words.phase(event.text) or words.doing(event.step)} …")
            elif event.kind != "tick":
                self._print(_marked(event))
            elif time.monotonic() - self._said >= AT_LEAST_EVERY:
                self._print(f"  {_progress(event, self._going)}")

    def close(self) -> None:
        """Stop watching the time."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            with self._lock:
                if self._event and time.monotonic() - self._said >= AT_LEAST_EVERY and not self._ended.is_set():
                    passed = words.duration(time.monotonic() - self._began)
                    self._print(f"  {_progress(self._event, self._going)}, for {passed} now")

    def _print(self, line: str) -> None:
        self._said = time.monotonic()
        self._stream.write(line + "\n")


class Remarks:
    """Sentences about the pace, each when it is new, and not one a second where two things take turns."""

    def __init__(self) -> None:
        self._last, self._urgent, self._until = "", False, 0.0

    def new(self, going: Going) -> str:
        """The sentence, if there is another than before; else empty."""
        said, urgent = going.remark(), going.stalled > 0 or going.resting
        if going.stalled and not going.facts.get("cause") and going.stalled < ASKED:
            return ""  # why is known in a moment
        if self._urgent and not urgent and going.meter.rate:
            said, self._until = "Bytes get through again.", 0.0
        elif not said or said == self._last or (time.monotonic() < self._until and not urgent):
            return ""
        self._last, self._urgent, self._until = said, urgent, time.monotonic() + REMARKS
        return words.plain(said)


def amount(event: Event, going: Going) -> str:
    """How much of a phase is through, how fast, and when it will be ready."""
    if unit := event.facts.get("unit"):
        said = f"{event.done}{f' of {event.total}' if event.total else ''} {words.plain(unit)}"
        line = words.plain(event.facts.get("line", ""))
        return f"{said}  {line[:WIDEST]}".rstrip()
    parts = [f"{words.size(event.done)} of {words.size(event.total)}"] if event.total else []
    parts += [words.size(event.done)] if event.done and not event.total else []
    pace = going.pace() if event.done < event.total or not event.total else ""
    return ", ".join([*parts, pace] if pace else parts)


def _progress(event: Event, going: Going) -> str:
    said = amount(event, going) if event.kind in ("phase", "tick") else ""
    named = words.phase(event.text) if event.kind in ("phase", "tick") and event.text else words.doing(event.step)
    return f"{named}: {said}" if said else f"{named}: still at it"


def _marked(event: Event) -> str:
    return f"{_MARKS.get(event.kind, ' ')} {words.say(event)}".rstrip()
