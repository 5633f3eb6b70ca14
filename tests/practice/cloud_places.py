"""Places for the contract of stores: the practice cloud's image service and object store."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from app import host
from app.context import Context
from app.practice.cloud import Cloud
from app.stores import open_store
from tests.ports import free_port
from tests.servers import Place

PASSWORD = "a practice password"


def lay_cloud(tmp_path: Path, stack: ExitStack, picture: Callable[[Path], None] = lambda file: None) -> Cloud:
    """A practice cloud called `practice`, running until the test ends; `known` gives its password."""
    cloud = Cloud(free_port(), PASSWORD, tmp_path / "cloud", picture)
    auth = {"auth_url": f"{cloud.base}/identity/v3", "username": "practice", "project_name": "practice"}
    auth |= {"user_domain_id": "default", "project_domain_id": "default"}
    file = host.private_folder(host.data_home()) / "clouds.yaml"
    file.write_text(json.dumps({"clouds": {"practice": {"auth": auth, "region_name": "Practice"}}}))
    stack.callback(cloud.stop)
    cloud.start()
    return cloud


def known(ctx: Context) -> Context:
    """*ctx* with the password of the practice cloud."""
    ctx.answers.give("openstack://practice", PASSWORD)
    return ctx


def glance(tmp_path: Path, context: Callable[..., Context], stack: ExitStack) -> Place:
    """The image service."""
    lay_cloud(tmp_path, stack)
    return Place(lambda ctx: open_store("openstack://practice/image/", known(ctx)), digests=True, whole=True)


def swift(tmp_path: Path, context: Callable[..., Context], stack: ExitStack) -> Place:
    """The object store."""
    lay_cloud(tmp_path, stack)
    return Place(lambda ctx: open_store("swift://practice/images/", known(ctx)))
