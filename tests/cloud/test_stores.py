"""The contract that every store passes, on a real image service and a real object store."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from app.stores import open_store
from tests.cloud.bare import Bare
from tests.servers import Place
from tests.stores.test_contract import *  # noqa: F403 - the same tests, on other places

pytestmark = pytest.mark.cloud


@pytest.fixture(params=["glance", "swift", "glance-by-credential", "swift-by-credential"])
def place(request: pytest.FixtureRequest, bare: Bare, known_clouds: object) -> Iterator[Place]:
    service, _, other = request.param.partition("-")
    cloud = "credential" if other else "one"
    if service == "glance":
        yield Place(lambda ctx: open_store(f"openstack://{cloud}/image/", ctx), digests=True, whole=True)
        for image in bare.images(sandhopper="yes"):
            bare.remove_image(image["id"])
    else:
        box = f"box-{secrets.token_hex(4)}"
        yield Place(lambda ctx: open_store(f"swift://{cloud}/{box}/", ctx))
        for container in (box, f"{box}_segments"):
            bare.empty(container)
