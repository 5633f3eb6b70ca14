"""A power cut on a real Debian in the middle of a merge: after the next start, restore leads back to where it was."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

import pytest

from app.context import Context
from app.job import Include, Job
from app.steps import prepare, restore
from tests.guest.machine import Guest
from tests.guest.scene import let_in, listing, root_listing

pytestmark = [pytest.mark.guest, pytest.mark.timeout(900)]


def test_the_plug_pulled_in_the_middle_of_a_merge(sandbox_guest: Guest, context: Callable[..., Context]) -> None:
    guest = sandbox_guest
    let_in(guest)
    guest.ssh("sync")
    data, root = listing(guest, "/application"), root_listing(guest)
    ctx = job_on(guest, context)
    line = threading.Thread(target=ignoring, args=(prepare.STEP.run, ctx), daemon=True)
    line.start()
    guest.ssh(
        "for i in $(seq 600); do grep -q copy /var/lib/sandhopper/*/journal && sleep 1 && exit; sleep 0.2; done; exit 1"
    )
    guest.power_off()
    ctx.cancel.set()
    line.join(60)
    guest.start()
    proof = restore.STEP.run(job_on(guest, context))
    assert proof["equal"], proof
    assert listing(guest, "/application") == data
    assert root_listing(guest) == root


def ignoring(act: Callable[[Context], object], ctx: Context) -> None:
    with contextlib.suppress(BaseException):
        act(ctx)


def job_on(guest: Guest, context: Callable[..., Context]) -> Context:
    include = (Include("/application", "merge"),)
    sandbox = f"ssh://root@127.0.0.1:{guest.port}"
    job = Job("file:///nothing", "file:///nowhere/", id="guest-1", sandbox=sandbox, include=include)
    return context(job=job, answers=guest.host_key())
