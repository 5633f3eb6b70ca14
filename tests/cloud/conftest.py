"""The real cloud, brought up once a session; each test has a clouds.yaml for it, and nobody else's."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app import host
from app.context import Context
from app.errors import JobError
from tests.cloud import tiny
from tests.cloud.bare import Bare
from tests.cloud.rig import cloud
from tests.cloud.rig.ground import Ground, ground
from tests.servers import need


@pytest.fixture(scope="session")
def real_cloud() -> Iterator[Ground]:
    """A cloud on this computer that nobody has used before (one that was brought up by hand is taken as it is)."""
    if os.geteuid():
        pytest.fail("a cloud needs root") if os.environ.get("CI") else pytest.skip("a cloud needs root")
    for program in cloud.PROGRAMS:
        need(program)
    here = ground()
    here.home.mkdir(parents=True, exist_ok=True)
    with _alone(here):
        if cloud.by_hand(here):
            yield here
            return
        try:
            cloud.up(here, print)
            yield here
        finally:
            cloud.down(here)


@contextlib.contextmanager
def _alone(here: Ground) -> Iterator[None]:
    try:
        with host.held(here.home / "lock"):
            yield
    except JobError:
        pytest.fail("another session of tests uses the cloud")


@pytest.fixture(scope="session")
def bare(real_cloud: Ground) -> Bare:
    """The scientist's own way to the cloud, past this program."""
    return Bare(real_cloud.clouds, "one")


@pytest.fixture(scope="session")
def tiny_disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The qcow2 that the machines start from; do not write to it."""
    return tiny.image(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tiny_image(bare: Bare, tiny_disk: Path) -> Iterator[str]:
    """The ID of that disk as an image."""
    made = bare.upload("tiny", tiny_disk.read_bytes())
    yield made
    bare.remove_image(made)


@pytest.fixture(scope="session")
def sandbox(bare: Bare, tiny_image: str) -> Iterator[str]:
    """The ID of a machine that runs, was started from an image, and has an address."""
    made = bare.boot("sandbox", flavor="tiny", network=True, imageRef=tiny_image)
    yield made
    bare.remove_server(made)


@pytest.fixture(scope="session")
def on_volume(bare: Bare, tiny_image: str) -> Iterator[str]:
    """The ID of a machine that runs and was started from a volume."""
    disk = {"boot_index": 0, "uuid": tiny_image, "source_type": "image", "destination_type": "volume"}
    disk |= {"volume_size": 1, "delete_on_termination": True}
    made = bare.boot("on-volume", flavor="volume", network=False, block_device_mapping_v2=[disk])
    yield made
    bare.remove_server(made)


@pytest.fixture
def known_clouds(real_cloud: Ground, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clouds.yaml that this test's program reads: one, two, teaching, credential, admin."""
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(real_cloud.clouds))
    return real_cloud.clouds


@pytest.fixture
def ctx(context: Callable[..., Context], known_clouds: Path) -> Context:
    """What the program's parts are given."""
    return context()
