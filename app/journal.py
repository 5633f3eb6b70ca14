"""What has been done, one fsynced JSON line a fact, safe against a power cut. State = the journal read to its end.

A line is `{"at": seconds since 1970, "step": name, "event": name, "facts": {…}}`. The events that
change the state are `started`, `fact`, `done`, `failed`, `cancelled` and `undone`; others are history.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app import host

Facts = dict[str, Any]
STATUS = {"started", "done", "failed", "cancelled", "undone"}


@dataclass
class State:
    """What a journal says: the status of each step and the facts it left."""

    steps: dict[str, str] = field(default_factory=dict)
    facts: dict[str, Facts] = field(default_factory=dict)
    last: Facts = field(default_factory=dict)
    since: float = 0.0

    def is_done(self, step: str) -> bool:
        """Whether *step* has been done and not taken back."""
        return self.steps.get(step) == "done"

    def touched(self, step: str) -> bool:
        """Whether *step* was ever started and not taken back since."""
        return self.steps.get(step, "undone") != "undone"

    def of(self, step: str) -> Facts:
        """The facts that *step* left (empty when it left none)."""
        return self.facts.get(step, {})

    def take(self, line: Facts) -> None:
        """Move on by one journal line."""
        step, event = line["step"], line["event"]
        self.last, self.since = line, self.since or line["at"]
        if event in STATUS:
            self.steps[step] = event
        if event == "undone":
            self.facts.pop(step, None)
        elif line.get("facts") and event in ("fact", "done"):
            self.facts.setdefault(step, {}).update(line["facts"])


class Journal:
    """The open journal of one job; a torn last line is cut off when it is opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.state = State()
        whole = 0
        for line, end in _lines(path):
            self.state.take(line)
            whole = end
        self._file = path.open("ab")
        if self._file.tell() > whole:
            self._file.truncate(whole)
            self._file.seek(whole)
        host.sync_folder(path.parent)

    def record(self, step: str, event: str, /, **facts: Any) -> None:
        """Write one line and wait until it is on the disk."""
        line: Facts = {"at": round(time.time(), 3), "step": step, "event": event}
        if facts:
            line["facts"] = facts
        self._file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.state.take(line)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def read(path: Path) -> State:
    """The state that the journal at *path* tells, without opening it for writing."""
    state = State()
    for line, _ in _lines(path):
        state.take(line)
    return state


def history(path: Path) -> list[Facts]:
    """Every whole line of the journal at *path*, oldest first."""
    return [line for line, _ in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[Facts, int]]:
    """Each whole line and the offset of its end; stops at the first torn one."""
    if not path.exists():
        return
    end = 0
    with path.open("rb") as file:
        for raw in file:
            end += len(raw)
            try:
                line = json.loads(raw)
                if not raw.endswith(b"\n") or not isinstance(line, dict) or not {"at", "step", "event"} <= line.keys():
                    return
            except ValueError:
                return
            yield line, end
