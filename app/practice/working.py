"""Long work on the practice machine: it goes on when the line drops, and ends with the program (a power cut)."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from app import host

if TYPE_CHECKING:
    from app.practice.state import State


class Stopped(Exception):
    """The work was ended from outside."""


class Working(ABC):
    """One detached program; subclasses say what it does in `work`. How it ended is kept beside the journal."""

    name, last = "", ""  # last: what the journal says when it has ended well

    def __init__(self, state: State) -> None:
        self.job, self.state = state, "alive"
        self.progress = ""
        self._halt = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @abstractmethod
    def work(self) -> None:
        """Do it all."""

    def told(self) -> list[str]:
        """What a poll shows besides the state."""
        return [f"progress {self.progress}"] if self.progress else []

    def breathe(self, seconds: float = 0.0) -> None:
        """Wait a little; raises `Stopped` when the work is to end."""
        if self._halt.wait(seconds):
            raise Stopped

    def stop(self) -> None:
        """End it and wait until it has."""
        self._halt.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            self.work()
            host.write_whole(self.job.folder / f"{self.name}.told", "\n".join(["ended 0", *self.told()]).encode())
            self.job.note(self.last)
            self.state = "ended 0"
        except Stopped:
            self.state = "dead"
        except OSError as exc:
            self.progress, self.state = "", "ended 1"
            self.job.note(f"trouble {exc.errno}")
