"""A private view of the file system for the services whose settings have a fixed place.

libvirt reads /etc/libvirt/qemu.conf, swift /etc/swift/swift.conf, and the NFS drivers call mount(8). They run in a
mount namespace (mount_namespaces(7)) where our files lie over these, so that nothing of the system is written; what
is mounted there goes away with its last process.
"""

from __future__ import annotations

import contextlib
import shlex
import time
from pathlib import Path

from tests.cloud.rig import processes
from tests.cloud.rig.ground import Ground

NAME = "room"
LIBVIRT = ("run", "lib", "cache", "log")
MADE = (Path("/run/libvirt"),)  # mount points that a machine may not have


def enter(ground: Ground) -> list[str]:
    """Open the room; the words to put before a command that is to run in there."""
    known = processes.start(
        ground, NAME, ["unshare", "--mount", "--propagation", "private", "sh", "-ec", _script(ground)], {}
    )
    deadline = time.monotonic() + 10
    while not (ground.var / "room").exists():
        assert known.lives, f"no mount namespace can be made here: {(ground.log / NAME).read_text()}"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return words(ground)


def words(ground: Ground) -> list[str]:
    """The words to put before a command that is to run in the open room."""
    return ["nsenter", f"--mount=/proc/{processes.started(ground)[NAME].pid}/ns/mnt", "--"]


def leave() -> None:
    """Remove the mount points that were made."""
    for folder in MADE:
        with contextlib.suppress(OSError):  # never there, or somebody else's by now
            folder.rmdir()


def _script(ground: Ground) -> str:
    over = {ground.etc / "bin" / "mount": "/usr/bin/mount", ground.etc / "swift": "/etc/swift"}
    over |= {ground.etc / "libvirt": "/etc/libvirt"}
    for folder in LIBVIRT:
        own = ground.var / "libvirt" / folder
        own.mkdir(parents=True, exist_ok=True)
        over[own] = "/run/libvirt" if folder == "run" else f"/var/{folder}/libvirt"
    for folder_ in MADE:
        folder_.mkdir(exist_ok=True)
    real = shlex.quote(str(ground.etc / "bin" / "mount.real"))
    lines = [f"{real} --bind {shlex.quote(str(ours))} {theirs}" for ours, theirs in over.items()]
    return "\n".join([*lines, f": >{shlex.quote(str(ground.var / 'room'))}", "exec sleep infinity"])
