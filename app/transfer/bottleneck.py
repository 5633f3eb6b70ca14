"""What an upload waits for, from the seconds that it spent on each thing lately."""

from __future__ import annotations

import math

LATELY = 20.0  # seconds of work that the answer is about
ENOUGH = 3.0  # seconds of work before there is an answer
CAUSES = ("disk", "cpu", "line", "server", "far", "goal", "limit")


class Shares:
    """The seconds spent on each of `CAUSES`, the older ones fading.

    `disk`: reading the image; `cpu`: hashing and encrypting it here; `line`: waiting while bytes are under way;
    `server`: all bytes are there, and its answer is waited for; `far`: one of these two, and nobody can tell which;
    `goal`: writing to a disk of this computer; `limit`: the person's own limit.
    """

    def __init__(self) -> None:
        self._before, self._new = dict.fromkeys(CAUSES, 0.0), dict.fromkeys(CAUSES, 0.0)

    def spent(self, cause: str, seconds: float) -> None:
        """So many *seconds* went by with *cause*; called thousands of times a second."""
        self._new[cause] += seconds

    @property
    def name(self) -> str:
        """What took most of the time lately; empty while that is not known."""
        fade = math.exp(-sum(self._new.values()) / LATELY)
        self._before = {cause: known * fade + self._new[cause] for cause, known in self._before.items()}
        self._new = dict.fromkeys(CAUSES, 0.0)
        known = sum(self._before.values()) >= ENOUGH
        return max(CAUSES, key=self._before.__getitem__) if known else ""
