"""Guests that are laid out as other people's machines are: built once (layout.sh), started on fresh overlays."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app import host
from app.context import Context
from app.job import Include, Job
from tests.guest import machine, offline
from tests.guest.machine import HERE, Guest
from tests.guest.offline import Part
from tests.guest.scene import let_in, strangers
from tests.sandbox.test_merge import copy_of
from tests.servers import need

LAYOUTS = HERE / "layouts"
PROGRAMS = ("grub-mkimage", "extlinux", "mcopy", "mkfs.vfat", "mkfs.xfs", "mkfs.btrfs", "lvcreate")
Listing = dict[str, Any]


@dataclass(frozen=True)
class Layout:
    """A machine that can be started: its disks, its file systems, the key that opens it."""

    disks: tuple[Path, ...]
    parts: tuple[Part, ...]
    key: Path
    firmware: str

    def part(self, path: str) -> Part:
        """The file system that is mounted at *path*."""
        return next(part for part in self.parts if part.path == path)

    @contextlib.contextmanager
    def started(self, place: Path) -> Iterator[Guest]:
        """The whole machine, running, when all its services have come up."""
        with Guest(place, list(self.disks), self.key, self.firmware) as guest:
            let_in(guest)
            guest.ssh("systemctl is-system-running --wait || true")
            yield guest

    def alone(self, place: Path, disk: Path) -> Guest:
        """A machine of one disk, a copy."""
        return Guest(place, [disk], self.key, self.firmware)

    def look(self, guest: Guest, *paths: str) -> dict[str, Listing]:
        """Listings of a running machine's file systems, without what Debian writes by itself."""
        chosen = [part for part in self.parts if part.path in paths or not paths]
        found = offline.listings(guest, chosen)
        return {path: strangers(listed, path) for path, listed in found.items()}


def built(name: str) -> Layout:
    """The layout *name* of the folder layouts; built when something that it is made of has changed."""
    base = machine.built()
    for program in PROGRAMS:
        need(program)
    recipe = [HERE / "layout.sh", LAYOUTS / f"{name}.sh", HERE / "busy.py", HERE.parent / "sandbox" / "tree.py"]
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in recipe)).hexdigest()[:12]
    folder = base / f"{name}-{digest}"
    folder.mkdir(exist_ok=True)
    with host.held(folder / "lock"):
        if not (folder / "whole").exists():
            subprocess.run(["sh", str(HERE / "layout.sh"), str(base), name, str(folder)], check=True, timeout=900)
            for other in base.glob(f"{name}-*"):
                if other != folder:
                    shutil.rmtree(other)
    parts = tuple(Part.read(line) for line in (folder / "parts").read_text().splitlines())
    firmware = "uefi" if name == "volumes" else "bios"
    return Layout(tuple(sorted(folder.glob("disk*.qcow2"))), parts, base / "key", firmware)


def job_on(guest: Guest, context: Callable[..., Context], *merges: str, user: str = "root") -> Context:
    """What a step is given: merge *merges* of the guest, logged in as *user*."""
    where = f"{user}@127.0.0.1:{guest.port}"
    job = Job(
        "file:///nothing", "file:///nowhere/", id="layout-1", sandbox=f"ssh://{where}",
        include=tuple(Include(path, "merge") for path in merges),
    )  # fmt: skip
    return context(job=job, answers={**guest.host_key(), f"sudo://{where}": "open sesame"})


def merged_as(root: Listing, data: dict[str, Listing], path: str) -> tuple[Listing, Listing]:
    """What a root disk holds at *path*, and what it must hold: without what other disks have at their places there."""
    inner = [other.removeprefix(path + "/") for other in data if other.startswith(path + "/")]

    def own(listed: Listing) -> Listing:
        return {
            name: fact
            for name, fact in listed.items()
            if not any(name == place or name.startswith(place + "/") for place in inner)
        }

    return own(copy_of(root, path)), own(data[path])
