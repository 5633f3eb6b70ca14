"""More SFTP sessions for a file that is being written, over the same SSH connection: nobody logs in again.

OpenSSH lets 2 MiB be under way in a session, so at a round trip of 80 ms one carries 26 MB/s at the most.
A server may answer the wish for a second session by ending the connection: so it is noted in the journal before, and
where nothing came of it, the job never tries again.
"""

from __future__ import annotations

import contextlib
import queue
import struct
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.errors import Cancelled, JobError
from app.stores.sftp_upload import SESSIONS, Lane
from app.stores.sftp_wire import CLOSE, StatusError

if TYPE_CHECKING:
    from app.context import Context

TRIED, CARRIED = "tried", "several"  # the fact `sessions` of the step
NOT_MORE = (JobError, StatusError, Cancelled, OSError, EOFError, struct.error)  # one session does as well


class Further:
    """Opens sessions by *open_one*, in a thread of its own, so that bytes go on flowing meanwhile."""

    def __init__(self, open_one: Callable[[], Lane], ctx: Context) -> None:
        self._open_one, self._ctx = open_one, ctx
        self._known = str(ctx.state.of(ctx.step).get("sessions", ""))
        self._never = self._known == TRIED
        self._ready: queue.SimpleQueue[Lane] = queue.SimpleQueue()
        self._lanes: list[Lane] = []
        self._lock, self._over = threading.Lock(), False
        self._thread: threading.Thread | None = None

    def wanted(self) -> None:
        """Begin to open them; does nothing the second time."""
        if self._thread is None and not self._never:
            self._note(self._known or TRIED)
            self._thread = threading.Thread(target=self._run, daemon=True, name="sftp sessions")
            self._thread.start()

    def opened(self) -> list[Lane]:
        """Those that have become ready since the last call."""
        return [self._ready.get() for _ in range(self._ready.qsize())]

    def carried(self) -> None:
        """One of them has brought bytes there."""
        self._note(CARRIED)

    def _note(self, what: str) -> None:
        if what != self._known:
            self._known = what
            self._ctx.fact(sessions=what)

    def finish(self, patience: float) -> None:
        """Close the file in each; raises `StatusError` where a server says only now that it was not stored."""
        for lane, number in [(lane, lane.wire.ask(CLOSE, lane.name)) for lane in self._all()]:
            lane.wire.answer(number, patience)
        self.close()

    def close(self) -> None:
        """End all of them. Never raises."""
        for lane in self._all():
            with contextlib.suppress(Exception):
                lane.wire.close()

    def _all(self) -> list[Lane]:
        with self._lock:
            self._over = True
            return self._lanes

    def _run(self) -> None:
        with contextlib.suppress(*NOT_MORE):
            for _ in range(SESSIONS - 1):
                lane = self._open_one()
                with self._lock:
                    if self._over:
                        lane.wire.close()
                        return
                    self._lanes.append(lane)
                self._ready.put(lane)
