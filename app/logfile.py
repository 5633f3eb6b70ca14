"""A log file without secrets, whose own troubles never become anybody else's."""

from __future__ import annotations

import contextlib
import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path

from app.secrets import Answers

SIZE, KEPT = 2_000_000, 3


class LogFile(RotatingFileHandler):
    """Writes log lines into *path*; what cannot be written (a full disk) is left out in silence."""

    def __init__(self, path: Path, answers: Answers) -> None:
        super().__init__(path, maxBytes=SIZE, backupCount=KEPT, encoding="utf-8", errors="replace")
        self.setFormatter(Redacting(answers))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Nothing: the standard one prints on the terminal."""

    def close(self) -> None:
        """Close; the last lines may not fit on the disk."""
        with contextlib.suppress(OSError):
            super().close()


class Redacting(logging.Formatter):
    """Writes log lines without the secrets of this session."""

    def __init__(self, answers: Answers) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._answers = answers

    def format(self, record: logging.LogRecord) -> str:
        """One record as text."""
        return self._answers.redact(super().format(record))
