"""The check-up of a real Debian: its own kernels, start-up images, boot loader and partition table."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

import pytest

from app.context import Context
from app.job import Job
from app.sandbox import Sandbox
from tests.guest.machine import Guest
from tests.guest.scene import let_in

pytestmark = [pytest.mark.guest, pytest.mark.timeout(900)]


def test_a_real_debian_is_seen_as_it_is(sandbox_guest: Guest, context: Callable[..., Context]) -> None:
    let_in(sandbox_guest)
    ctx = context(Job("file:///x", "file:///y/", id="looked-at"), sandbox_guest.host_key())
    with closing(Sandbox(f"ssh://scientist@127.0.0.1:{sandbox_guest.port}", ctx)) as sandbox:
        seen = sandbox._see()
        look = sandbox.look()
    assert not seen.late
    installed = {line.removeprefix("kernel ") for line in seen.words("kernels") if line.startswith("kernel ")}
    assert seen.text("kernel") in installed
    kernels = [kernel for f in look.findings for kernel in f.facts.get("kernels", [])]
    assert {kernel["version"] for kernel in kernels} == installed
    assert all(kernel["read"] for kernel in kernels)
    assert any(f.grade == "ok" and "(virtio)" in f.title for f in look.findings)
    assert {"mbr", "gpt"} & set(seen.words("root_disk"))
    assert seen.words("loaders")
    assert any(f.facts.get("family") == "debian" for f in look.findings)
    assert not [f for f in look.findings if f.grade == "stop"]
    assert [mount.path for mount in look.mounts] == ["/application"]
