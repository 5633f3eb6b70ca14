"""A hot copy of a real Debian while its system disk is frozen: one clean moment.

And it thaws at once, long before its time, when our line is cut and when the login's sshd is killed there.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from app.context import Context
from app.disk import boottest, image
from app.disk.contents import identities
from app.job import Job
from app.sandbox import Sandbox
from tests.guest.machine import Guest
from tests.guest.scene import let_in
from tests.servers import need, until

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]
START = 1 << 20  # of the one partition, as build.sh lays it
WRITER = (
    "i=0; while sleep 0.05; do i=$((i + 1)); echo $i > /var/tmp/w$((i % 50)); echo $i > /application/w; done"
    " > /dev/null 2>&1 & echo $!"
)

LONG = 600  # seconds that nobody waits here: what thaws before is not the end of the time
# started before the freeze, since nothing can log in while it lasts
KILLER = "until [ -e /run/sandhopper-freeze/thawed.new ]; do sleep 0.2; done; sleep 4; kill -9 {}"


def test_a_copy_of_one_frozen_moment(tmp_path: Path, sandbox_guest: Guest, context: Callable[..., Context]) -> None:
    guest = sandbox_guest
    let_in(guest)
    url = f"ssh://scientist@127.0.0.1:{guest.port}"
    ctx = context(Job("file:///x", "file:///y/", id="frozen"), guest.host_key())
    writer = guest.ssh(f"nohup sh -c '{WRITER}'").decode().strip()
    try:
        with closing(Sandbox(url, ctx)) as sandbox, sandbox.freeze(150, even_so=True) as frozen:
            copy = guest.hot_copy(tmp_path / "copy.qcow2")
            left = frozen.left
            silence = frozen.thaw()
        assert left > 0, "this computer is too slow for the test to say anything"
        assert silence.proven
        print(f"frozen for {silence.seconds} s")
        with closing(Sandbox(url, ctx)) as sandbox, sandbox.freeze(LONG, even_so=True):
            sandbox._ssh.close()
            writes_again(guest)
        with closing(Sandbox(url, ctx)) as sandbox:
            sshd = sandbox._ssh.run("echo $PPID").out.decode().strip()
            guest.ssh(f'systemd-run -q sh -c "{KILLER.format(sshd)}"')
            with sandbox.freeze(LONG, even_so=True):
                writes_again(guest)
    finally:
        guest.ssh(f"kill {writer}; rm -f /var/tmp/w* /var/tmp/alive /application/w; sync")
    part = tmp_path / "part.raw"
    subprocess.run([need("qemu-img"), "convert", "-O", "raw", str(copy), str(tmp_path / "disk.raw")], check=True)
    blocks = ["bs=1M", f"skip={START >> 20}", "conv=sparse"]
    subprocess.run(["dd", f"if={tmp_path / 'disk.raw'}", f"of={part}", *blocks], check=True, capture_output=True)
    told = subprocess.run([need("dumpe2fs"), "-h", str(part)], check=True, capture_output=True, text=True).stdout
    assert "needs_recovery" not in told  # the journal is empty: nothing was half-way
    checked = subprocess.run([need("e2fsck"), "-fn", str(part)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    data = tmp_path / "data.qcow2"
    command = [need("qemu-img"), "convert", "-U", "-O", "qcow2", str(guest.disks[1]), str(data)]
    subprocess.run(command, check=True)
    own = guest.ssh("findmnt -no UUID /application").decode().strip()
    assert identities(image.inspect(data, ctx), ctx) == {own}
    verdict = boottest.boot(copy, "qcow2", ctx, bus="virtio", others=[(data, "qcow2")])
    assert verdict.ok, verdict  # /application has no nofail: without its disk it ends in emergency mode


def writes_again(guest: Guest) -> None:
    """Until a login there can write to the system disk; a write that waits for the end of the time is too late."""
    began = time.monotonic()
    until(lambda: guest._ssh("timeout 5 touch /var/tmp/alive").returncode == 0, LONG / 2)
    assert time.monotonic() - began < LONG / 2
