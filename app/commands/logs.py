"""The program's own log: a file without secrets; nothing of any library ever reaches the terminal."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from app import host
from app.logfile import LogFile
from app.secrets import Answers

TALKING = ("app", "paramiko")  # what these do is worth keeping; of all others only warnings


def log_file() -> Path:
    """Where the log lies."""
    return host.data_home() / "log.txt"


@contextlib.contextmanager
def logging_quietly(answers: Answers) -> Iterator[None]:
    """Log into `log_file` while the block runs: warnings and the death of threads too."""
    handler = _handler(answers)
    root, hook = logging.getLogger(), threading.excepthook
    root.addHandler(handler)
    for name in TALKING:
        logging.getLogger(name).setLevel(logging.INFO)
    logging.captureWarnings(True)
    threading.excepthook = _thread_died
    try:
        yield
    finally:
        threading.excepthook = hook
        logging.captureWarnings(False)
        root.removeHandler(handler)
        handler.close()


def _handler(answers: Answers) -> logging.Handler:
    try:
        host.private_folder(log_file().parent)
        return LogFile(log_file(), answers)
    except OSError:  # a home that cannot be written is told by the command itself
        return logging.NullHandler()


def _thread_died(args: threading.ExceptHookArgs) -> None:
    if args.exc_type is not SystemExit:
        info = (args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
        logging.getLogger(__name__).error("a thread died", exc_info=info)
