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
from app.meter import Meter

WIDEST = 50  # letters of a starting machine's own words
AT_LEAST_EVERY = 30.0  # seconds between two lines where nothing is live
_MARKS = {"done": "✓", "failed": "✗", "retry": "…", "cancelled": "■", "undone": "↶", "finding": "·", "note": "·"}
_STYLES = {"done": "green", "failed": "red", "retry": "yellow", "stop": "red", "care": "yellow", "started": "bold"}


def display(stream: Calm) -> Live | Lines:
    """The display that fits where the words go."""
    live = stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return Live(stream) if live else Lines(stream)


class Live:
    """Sentences that stay, and under them one bar that moves."""

    def __init__(self, stream: Calm) -> None:
        self._meter = Meter()
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
        self._meter = Meter()
        named = words.phase(event.text) or words.doing(event.step)
        self._bar = self._bars.add_task(named, total=event.total or None, completed=event.done, said="")
        self._move(event)

    def _move(self, event: Event) -> None:
        if self._bar is None:
            self._begin(event)
        elif event.kind != "started":
            self._meter.at(event.done, event.total)
            said = amount(event, self._meter)
            self._bars.update(self._bar, completed=event.done, total=event.total or None, said=said)

    def _drop(self) -> None:
        if self._bar is not None:
            self._bars.remove_task(self._bar)
        self._bar = None


class Lines:
    """A line for everything that happens, and one at least every `AT_LEAST_EVERY` seconds while nothing does."""

    def __init__(self, stream: Calm) -> None:
        self._stream, self._meter = stream, Meter()
        self._event: Event | None = None
        self._began = self._said = time.monotonic()
        self._lock, self._ended = threading.Lock(), threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def show(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            if event.kind in ("phase", "started"):
                self._meter, self._began = Meter(), time.monotonic()
            if event.kind in ("phase", "tick"):
                self._meter.at(event.done, event.total)
            self._event = event
            if event.kind == "phase":
                self._print(f"  {words.phase(event.text) or words.doing(event.step)} …")
            elif event.kind != "tick":
                self._print(_marked(event))
            elif time.monotonic() - self._said >= AT_LEAST_EVERY:
                self._print(f"  {_progress(event, self._meter)}")

    def close(self) -> None:
        """Stop watching the time."""
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(1.0):
            with self._lock:
                if self._event and time.monotonic() - self._said >= AT_LEAST_EVERY and not self._ended.is_set():
                    passed = words.duration(time.monotonic() - self._began)
                    self._print(f"  {_progress(self._event, self._meter)}, for {passed} now")

    def _print(self, line: str) -> None:
        self._said = time.monotonic()
        self._stream.write(line + "\n")


def amount(event: Event, meter: Meter) -> str:
    """How much of a phase is through, how fast, and when it will be ready."""
    if unit := event.facts.get("unit"):
        said = f"{event.done}{f' of {event.total}' if event.total else ''} {words.plain(unit)}"
        line = words.plain(event.facts.get("line", ""))
        return f"{said}  {line[:WIDEST]}".rstrip()
    parts = [f"{words.size(event.done)} of {words.size(event.total)}"] if event.total else []
    parts += [words.size(event.done)] if event.done and not event.total else []
    if quiet := meter.stalled():
        return ", ".join([*parts, f"no bytes for {words.duration(quiet)}"])
    if meter.rate:
        parts.append(words.rate(meter.rate))
    if (left := meter.remaining()) is not None and event.done < event.total:
        parts.append(f"ready {words.clock(left)}")
    return ", ".join(parts)


def _progress(event: Event, meter: Meter) -> str:
    said = amount(event, meter) if event.kind in ("phase", "tick") else ""
    named = words.phase(event.text) if event.kind in ("phase", "tick") and event.text else words.doing(event.step)
    return f"{named}: {said}" if said else f"{named}: still at it"


def _marked(event: Event) -> str:
    return f"{_MARKS.get(event.kind, ' ')} {words.say(event)}".rstrip()
