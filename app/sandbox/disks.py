"""Which real disk each data mount of a sandbox lies on, and whether it can be exported as a disk of its own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from app.context import Finding
from app.sandbox.mounts import decode, printable
from app.units import size

PARTED = ("LVM2_member", "linux_raid_member", "crypto_LUKS")


@dataclass(frozen=True)
class Disk:
    """What the mount *mount* lies on.

    *names* are the whole disks (`vdb`), *size* is the first one's in bytes, *serial* what it calls itself. *uuid* and
    *kind* name what the disk or its partition holds (blkid(8)): the file system, or LVM or LUKS around it.
    *file*: it is no disk, but this file of the machine.
    """

    mount: str
    device: str
    fstype: str = ""
    names: tuple[str, ...] = ()
    size: int = 0
    serial: str = ""
    uuid: str = ""
    kind: str = ""
    file: str = ""

    @property
    def why_not(self) -> str:
        """Why it cannot be exported as a disk of its own; empty when it can."""
        if self.file:
            return f"it lies in the file {self.file}, not on a disk"
        if not self.names:
            return "the disk below it could not be found out"
        if len(self.names) > 1:
            return f"it is spread over several disks ({', '.join(self.names)})"
        return ""

    def words(self) -> str:
        """How the person recognises it on a web page."""
        more = [size(self.size), *([f"serial number {self.serial}"] if self.serial else [])]
        return f"/dev/{' and /dev/'.join(self.names)} ({', '.join(more)})"

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Disk:
        """Read `as_json`."""
        return cls(**{**data, "names": tuple(data["names"])})


def read(answer: bytes) -> tuple[Disk, ...]:
    """The disks that disks.sh tells; of several mounts at one place the last one, which is the one that is seen."""
    found: dict[str, Disk] = {}
    entry: list[list[str]] = []
    for line in [*answer.decode("utf-8", "surrogateescape").splitlines(), "mount"]:
        fields = line.split(" ")
        if fields[0] == "mount" and entry:
            disk = _disk(entry)
            found[disk.mount] = disk
            entry = []
        if len(fields) > 1:
            entry.append(fields)
    return tuple(found.values())


def _disk(entry: Sequence[list[str]]) -> Disk:
    (_, place, fstype, device, *_), *below = [[*fields, "", "", ""] for fields in entry]
    disks = {f[1]: f for f in below if f[0] == "disk"}
    on = [f for f in below if f[0] == "on"]
    first = next(iter(disks.values()), ["", "", "0", ""])
    return Disk(
        printable(decode(place)),
        printable(decode(device)),
        fstype,
        tuple(disks),
        int(first[2]) if first[2].isdigit() else 0,
        printable(" ".join(first[3:]).strip()),
        on[0][2] if on else "",
        on[0][3] if on else "",
        printable(next((" ".join(f[1:]).strip() for f in below if f[0] == "file"), "")),
    )


def wanted(disks: Sequence[Disk], own: Sequence[str]) -> list[Disk]:
    """The disks that an export with the *own* mounts needs besides the system disk: one for each, none twice."""
    found: dict[tuple[str, ...], Disk] = {}
    for disk in sorted((d for d in disks if d.mount in own), key=lambda d: d.mount):
        found.setdefault(disk.names or (disk.device,), disk)
    return list(found.values())


def beside(disk: Disk, disks: Sequence[Disk]) -> list[str]:
    """The other mounts that lie on the same disk, and come along with it."""
    return sorted({d.mount for d in disks if d.mount != disk.mount and set(d.names) & set(disk.names)})


def findings(path: str, disks: Sequence[Disk], how: Mapping[str, str], fstab_waits: bool = False) -> Iterator[Finding]:
    """What exporting the mount *path* as its own disk means; *how* is what happens to each mount."""
    disk = next((d for d in disks if d.mount == path), None)
    if disk is None:
        text = "It lies on the root disk and comes along by itself, or there is no such disk."
        yield Finding("stop", f"{path} is no data disk of the sandbox.", text, f"Do not ask for {path}.", "mounts")
        return
    if disk.why_not:
        title = f"{path} cannot be exported as a disk of its own: {disk.why_not}."
        yield Finding("stop", title, remedy="Merge it into the root disk, or leave it out.", topic="own-disk")
        return
    others = beside(disk, disks)
    if "/" in others:
        title = f"{path} lies on the system disk and comes along with it."
        yield Finding("stop", title, remedy=f"Do not ask for {path}.", topic="own-disk")
        return
    text = f"{disk.words()} is exported whole; whoever starts the copy has to attach both disks."
    if disk.kind in PARTED:
        text += f" {path} is inside a volume group or the like on it, which is taken as it is."
    yield Finding("ok", f"{path} is exported as a disk of its own.", text, topic="own-disk", facts=disk.as_json())
    for other in others:
        if how.get(other) != "disk":
            twice = "; it would be there twice" if how.get(other) == "merge" else ""
            yield Finding("care", f"{other} lies on the same disk as {path} and comes along{twice}.", topic="own-disk")
