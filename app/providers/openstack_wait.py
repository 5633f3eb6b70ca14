"""How a snapshot in the making is watched: which states end it, and when it counts as stuck."""

from __future__ import annotations

import time
from typing import Any

from app.errors import JobError

DEAD = ("error", "killed", "deleted", "pending_delete", "deactivated")
UNSEEN = 5  # looks that a new image may take to appear
STUCK = 600.0  # seconds in which neither image nor machine shows any work
SAFE = "The machine itself goes on running; nothing on it was lost."
ONCE_MORE = "Try again. If it happens again, ask the cloud's help desk and give them the time."


def dead(image: dict[str, Any]) -> bool:
    """Whether this image can never become whole."""
    empty = image["status"] == "active" and not image.get("size")
    return image["status"] in DEAD or empty


class Watch:
    """Remembers what was seen of one snapshot between two looks."""

    def __init__(self) -> None:
        self._looks, self._seen = 0, False
        self._last: tuple[object, ...] = ()
        self._since = time.monotonic()

    def whole(self, image: dict[str, Any] | None, task: str) -> bool:
        """Whether the snapshot is whole; raises `JobError` when it never will be.

        *task* is the machine's task state (empty when the cloud does nothing with it).
        """
        if image is None:
            self._missing()
            return False
        self._seen = True
        if dead(image):
            raise _failed(image)
        if image["status"] == "active":
            return True
        self._stuck((image["status"], image.get("size"), image.get("updated_at"), task), task)
        return False

    def _missing(self) -> None:
        """Nova removes the image when its snapshot fails, so a missing image is a failure, not a reason to wait."""
        self._looks += 1
        if self._seen or self._looks > UNSEEN:
            raise JobError("The cloud gave up the snapshot and removed it.", ONCE_MORE, means=SAFE, topic="snapshot")

    def _stuck(self, now: tuple[object, ...], task: str) -> None:
        if now != self._last or task:
            self._last, self._since = now, time.monotonic()
        elif time.monotonic() - self._since > STUCK:
            text = "The cloud has stopped working at the snapshot without saying why."
            raise JobError(text, ONCE_MORE, means=SAFE, topic="snapshot")


def _failed(image: dict[str, Any]) -> JobError:
    if image["status"] == "active":
        text = "The cloud made a snapshot without any data in it."
        remedy = "Try again. If it happens again, ask the cloud's help desk whether the machine starts from a volume."
        return JobError(text, remedy, means=SAFE, topic="snapshot")
    said = {"deleted": "was deleted by someone", "pending_delete": "was deleted by someone"}
    words = said.get(image["status"], f"failed (the cloud says “{image['status']}”)")
    return JobError(f"The snapshot {words} before it was whole.", ONCE_MORE, means=SAFE, topic="snapshot")
