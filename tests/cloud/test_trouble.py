"""What goes wrong at a real cloud in the middle: logins withdrawn, services ended, lines cut, images deleted."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from app.context import Context
from app.download import Download
from app.errors import JobError, Transient
from app.job import Job
from app.providers import open_provider
from app.steps.snapshot import STEP as SNAPSHOT
from app.steps.snapshot import name_of
from app.stores.glance import Glance
from app.stores.swift import Swift
from tests.cloud.bare import Bare
from tests.cloud.rig import cloud
from tests.cloud.rig.ground import Ground
from tests.faults import Relay
from tests.servers import blocks_of

pytestmark = pytest.mark.cloud
Make = Callable[..., Context]
DATA = os.urandom(6_000_000)


@pytest.fixture
def line(
    real_cloud: Ground, own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> Relay:
    """A relay before the image service of the cloud `far`."""
    told = json.loads(real_cloud.clouds.read_text())["clouds"]["one"]
    relay = stack.enter_context(Relay(real_cloud.port("glance_one"), both=True))
    told["image_endpoint_override"] = relay.url(real_cloud.url("glance_one"))
    file = tmp_path / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"far": told}}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(file))
    return relay


@pytest.fixture
def image(bare: Bare) -> Iterator[str]:
    made = bare.upload("trouble", DATA, "raw")
    yield made
    bare.remove_image(made)


def sent(store: Any, name: str, blocks: Iterator[bytes], offset: int = 0) -> int:
    acked: list[int] = []
    store.write(name, blocks, offset, acked.append)
    return sum(acked)


def test_a_token_that_was_withdrawn_is_replaced_by_itself(sandbox: str, bare: Bare, ctx: Context) -> None:
    for name in ("one", "credential"):
        provider: Any = open_provider(f"openstack://{name}/", ctx)
        assert provider.machines()
        withdraw(bare, provider.cloud.connection.session.get_token())
        assert provider.machines()


def test_a_token_withdrawn_in_the_middle_of_an_upload_ends_it_and_nothing_false_stays(bare: Bare, ctx: Context) -> None:
    """Glance looks at a token when a request begins, and once more when the bytes have come."""
    with closing(Glance("openstack://one/image/", ctx)) as store, bare.left_as_it_was():
        store.open()

        def blocks() -> Iterator[bytes]:
            for number, block in enumerate(blocks_of(DATA)):
                if number == 5:
                    withdraw(bare, store.cloud.connection.session.get_token())
                yield block

        try:
            sent(store, "withdrawn.raw", blocks())
        except Transient:
            assert store.size("withdrawn.raw") is None
            sent(store, "withdrawn.raw", blocks_of(DATA))
        assert store.digest("withdrawn.raw") == hashlib.sha256(DATA).hexdigest()
        store.remove("withdrawn.raw")


def test_an_image_service_that_ends_in_the_middle_of_an_upload_leaves_no_half_image(
    real_cloud: Ground, bare: Bare, ctx: Context
) -> None:
    with closing(Glance("openstack://one/image/", ctx)) as store, bare.left_as_it_was():

        def blocks() -> Iterator[bytes]:
            for number, block in enumerate(blocks_of(DATA)):
                if number == 10:
                    cloud.stop(real_cloud, "glance_one")
                yield block

        try:
            with pytest.raises(Transient):
                sent(store, "ended.raw", blocks())
        finally:
            cloud.resume(real_cloud, "glance_one")
        assert store.size("ended.raw") is None
        assert sent(store, "ended.raw", blocks_of(DATA)) == len(DATA)
        assert store.digest("ended.raw") == hashlib.sha256(DATA).hexdigest()
        assert len(bare.images(sandhopper="yes")) == 1, "what the first try left has gone"
        store.remove("ended.raw")


def test_an_object_store_that_ends_in_the_middle_keeps_whole_pieces(
    real_cloud: Ground, bare: Bare, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.segments.SMALLEST", 1 << 20)
    with closing(Swift("swift://one/trouble/", ctx)) as store:
        store.open()

        def blocks() -> Iterator[bytes]:
            for number, block in enumerate(blocks_of(DATA)):
                if number == 14:
                    cloud.stop(real_cloud, "swift")
                yield block

        try:
            with pytest.raises(Transient):
                sent(store, "big.raw", blocks())
        finally:
            cloud.resume(real_cloud, "swift")
        kept = store.size("big.raw") or 0
        assert 0 < kept < len(DATA)
        sent(store, "big.raw", blocks_of(DATA[kept:]), kept)
        assert b"".join(store.read("big.raw")) == DATA
        store.remove("big.raw")
    for container in ("trouble", "trouble_segments"):
        bare.empty(container)


def test_a_download_that_is_cut_goes_on_and_no_byte_comes_twice(
    line: Relay, image: str, context: Make, tmp_path: Path
) -> None:
    ctx = context()
    with closing(Glance("openstack://far/image/", ctx)) as store:
        remote = store.described(image)
        assert remote
        before = line.passed
        line.cut_after(3_000_000)
        with pytest.raises(Transient):
            Download(ctx, tmp_path, "image.raw", remote).fetch(store, image)
        there = (tmp_path / "image.raw.part").stat().st_size
        assert 0 < there < len(DATA)
        file, sha256 = Download(ctx, tmp_path, "image.raw", remote).fetch(store, image)
    assert (file.read_bytes() == DATA, sha256) == (True, hashlib.sha256(DATA).hexdigest())
    assert line.passed - before < len(DATA) + (1 << 20), "the second request asked for the rest only"


def test_a_snapshot_that_somebody_deletes_in_the_middle_is_told_and_can_be_made_again(
    sandbox: str, bare: Bare, context: Make, known_clouds: Path
) -> None:
    ctx = context(Job(f"openstack://one/server/{sandbox}", "file:///nowhere/", id="deleted-1"))
    bare.idle(sandbox)
    gone = threading.Event()

    def delete() -> None:
        while not gone.is_set():
            for image in bare.images(sandhopper_job="deleted-1"):
                bare.remove_image(image["id"])
                gone.set()

    deleter = threading.Thread(target=delete)
    deleter.start()
    try:
        with pytest.raises(JobError, match=r"deleted by someone|gave up the snapshot and removed it") as caught:
            SNAPSHOT.run(ctx)
    finally:
        gone.set()
        deleter.join()
    assert "goes on running" in caught.value.means
    bare.idle(sandbox)
    assert bare.server(sandbox)["status"] == "ACTIVE"
    assert SNAPSHOT.run(ctx)["image"]
    assert [image["name"] for image in bare.images(sandhopper_job="deleted-1")] == [name_of(ctx.job)]
    SNAPSHOT.undo(ctx)
    assert bare.images(sandhopper_job="deleted-1") == []


def withdraw(bare: Bare, token: str) -> None:
    """Keystone: DELETE /v3/auth/tokens (docs.openstack.org/api-ref/identity/v3, “Revoke token”)."""
    url = bare.auth["auth_url"] + "/auth/tokens"
    answer = bare.session.delete(url, headers={"X-Subject-Token": token}, raise_exc=False)
    assert answer.status_code == 204, answer.text
