"""Real servers on 127.0.0.1, each with its own port, folder and keys, ended when the test ends."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.context import Context
from app.stores import Store


@dataclass(frozen=True)
class Place:
    """A folder on a real server, for the contract of stores.

    *make* makes a store of it that works in the given context. *folder* is the same folder as the server's disk
    shows it (None: cannot be looked at). *digests*: the server computes SHA-256. *whole*: the place takes one
    stream from first to last byte only.
    """

    make: Callable[[Context], Store]
    folder: Path | None = None
    digests: bool = False
    whole: bool = False


Lay = Callable[[Path, Callable[..., Context], ExitStack], Place]


def need(program: str) -> str:
    """The path of a program a test cannot do without; skips where it is missing, fails where CI is set."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin:/usr/lib/openssh")
    if found:
        return found
    if os.environ.get("CI"):
        pytest.fail(f"{program} is not installed here")
    pytest.skip(f"{program} is not installed here")


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None, seconds: float = 15) -> None:
    """Wait until somebody listens on *port*; fails at once when *process* has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process is None or process.poll() is None, f"the server ended with status {process.returncode}"
        with socket.socket() as sock:
            sock.settimeout(1)
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens on port {port} after {seconds} s")


def blocks_of(data: bytes, size: int = 1 << 18) -> Iterator[bytes]:
    """*data* in blocks."""
    return (data[at : at + size] for at in range(0, len(data), size))


def until(true: Callable[[], object], seconds: float = 10) -> None:
    """Wait until *true*() is; an AssertionError after *seconds*."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        threading.Event().wait(0.02)
