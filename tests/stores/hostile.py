"""The image that is sent to bad servers over bad lines, and what is asked of its failures."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.errors import JobError, Transient
from app.stores import Store
from app.transfer import copy, part_name
from tests.servers.behind import Behind

DATA = os.urandom(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "image.qcow2"
PART = part_name(NAME, SHA)
SENDING = "Sending the image"
PROVEN = ("sha256-server", "read-back")


def send(here: Store, there: Store, ctx: Context, **how: Any) -> Any:
    """What the upload does."""
    return copy(here, NAME, there, NAME, ctx, sha256=SHA, **how)


def at_last(act: Callable[[], Any], most: int = 3) -> Any:
    """What comes of *act*; what may pass is tried again, as the engine does, *most* times."""
    for _ in range(most):
        try:
            return act()
        except Transient as exc:
            last = exc
    raise last


def failure(act: Callable[[], Any], most: int = 3) -> JobError:
    """What *act* fails with at last; what may pass is tried again, as the engine does, *most* times."""
    for _ in range(most):
        with pytest.raises(JobError) as told:
            act()
        assert told.value.remedy
        if not isinstance(told.value, Transient):
            break
    return told.value


def placed(make: str, folder: Path, tmp_path: Path, ctx: Context, stack: ExitStack) -> Behind:
    """A server whose folder is *folder*."""
    (tmp_path / "uploads").symlink_to(folder)
    folder.chmod(0o777)
    return Behind(make, tmp_path, ctx, stack)
