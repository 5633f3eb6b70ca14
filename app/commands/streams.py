"""Where the terminal's words go: streams that survive a closed pipe and every alphabet."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
from typing import Any, TextIO

from app.errors import Usage


class Calm:
    """A text stream that never stops the work because nobody reads it any more.

    An export must not end because its watcher has gone (`sandhopper run … | head -1`).
    """

    def __init__(self, stream: TextIO | None) -> None:
        self._stream, self.open = stream or io.StringIO(), stream is not None  # None: started with it closed
        self.lost: OSError | None = None
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
            except OSError as exc:
                self.open = False
                if exc.errno != errno.EIO:  # that is a terminal that has gone
                    self.lost = exc
                    _silence(self._stream)
        return len(text)

    def flush(self) -> None:
        """Everything is flushed as it is written."""

    def check(self) -> None:
        """Raise if something that was written is lost, as on a full disk (`sandhopper new … > job.json`)."""
        if self.lost:
            raise self.lost

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        with contextlib.suppress(ValueError, OSError):
            return self._stream.isatty()
        return False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def standard_input() -> str:
    """All of standard input, which must be UTF-8; raises `Usage`."""
    if sys.stdin is None:
        return ""
    data = sys.stdin.buffer.read() if hasattr(sys.stdin, "buffer") else sys.stdin.read().encode()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise Usage("Standard input is not UTF-8 text.", "Write it in UTF-8.") from exc


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
