"""Where the terminal's words go: streams that survive a closed pipe and every alphabet."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, TextIO


class Calm:
    """A text stream that never stops the work because nobody reads it any more.

    An export must not end because its watcher has gone (`sandhopper run … | head -1`).
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream, self.open = stream, True
        with contextlib.suppress(AttributeError, ValueError, OSError):
            getattr(stream, "reconfigure")(errors="replace")  # noqa: B009 - not every text stream has it

    def write(self, text: str) -> int:
        """Write *text*, or nothing once the other side has hung up."""
        if self.open:
            try:
                self._stream.write(text)
                self._stream.flush()
            except (BrokenPipeError, ConnectionError):
                self.open = False
                _silence(self._stream)
            except OSError:  # a terminal that has gone answers EIO
                self.open = False
        return len(text)

    def flush(self) -> None:
        """Everything is flushed as it is written."""

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        with contextlib.suppress(ValueError, OSError):
            return self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def person_here() -> bool:
    """Whether somebody can be asked: both what they type and what they read is a terminal."""
    try:
        return sys.stdin.isatty() and sys.stderr.isatty()
    except (AttributeError, ValueError, OSError):
        return False


def _silence(stream: TextIO) -> None:
    """Let the interpreter's own last flush go nowhere instead of complaining."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
