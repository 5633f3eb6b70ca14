"""Ctrl-C and its relatives: the first asks the work to stop in good order, the second insists."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from types import FrameType
from typing import Any

from app.commands.terminal import Terminal
from app.errors import EXIT_CANCELLED, Cancelled

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last two exist on some systems only


@contextlib.contextmanager
def stoppable(terminal: Terminal) -> Iterator[None]:
    """Turn signals into `terminal.cancel` while the block runs; put the old handlers back afterwards."""
    times = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal times
        times += 1
        terminal.cancel.set()
        if terminal.asking:
            raise Cancelled
        if times == 1:
            terminal.hint("Stopping in good order … (once more stops at once; everything can be resumed)")
        elif times == 2:
            raise KeyboardInterrupt
        else:
            os._exit(EXIT_CANCELLED)  # even the tidying hangs; the journal is safe against this

    before = _set(stop)
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _set(handler: Any) -> dict[signal.Signals, Any]:
    before: dict[signal.Signals, Any] = {}
    for name in _NAMES:
        number = getattr(signal, name, None)
        if number is None or signal.getsignal(number) is signal.SIG_IGN:
            continue  # started by nohup: it was told not to mind
        with contextlib.suppress(ValueError):  # not the main thread: whoever started us handles signals
            before[number] = signal.signal(number, handler)
    return before
