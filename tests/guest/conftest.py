"""The real guest's disk, built once a session."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.guest import machine


@pytest.fixture(scope="session")
def guest_folder() -> Path:
    """The folder with the guest's disk (os.qcow2) and the key that opens it (key)."""
    return machine.built()


@pytest.fixture(scope="session")
def guest_disk(guest_folder: Path) -> Path:
    """A qcow2 of a real Debian disk that boots alone (about 1 GiB used); do not write to it."""
    return guest_folder / "os.qcow2"
