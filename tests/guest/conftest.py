"""The real guest's disk, built once a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest import machine, scene


@pytest.fixture(scope="session")
def guest_folder() -> Path:
    """The folder with the guest's disk (os.qcow2) and the key that opens it (key)."""
    return machine.built()


@pytest.fixture(scope="session")
def guest_disk(guest_folder: Path) -> Path:
    """A qcow2 of a real Debian disk that boots alone (about 1 GiB used); do not write to it."""
    return guest_folder / "os.qcow2"


@pytest.fixture(scope="session")
def sandbox_guest(guest_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[machine.Guest]:
    """A running guest with a filled disk at /application; every test leaves it as it was, which is what they prove."""
    with scene.two_disks(tmp_path_factory.mktemp("two disks"), guest_folder) as guest:
        yield guest
