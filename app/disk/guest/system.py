"""What lives on a disk: roots, file systems, kernels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused

KINDS = ("ext2", "ext3", "ext4", "xfs", "btrfs", "swap", "vfat", "jfs", "reiserfs", "f2fs")


@dataclass(frozen=True)
class FileSystem:
    """One of the disk's file systems: *device* as the machine here calls it, *number* of its partition or 0."""

    device: str
    kind: str
    uuid: str = ""
    label: str = ""
    partuuid: str = ""
    partlabel: str = ""
    number: int = 0

    @property
    def names(self) -> frozenset[str]:
        """Every lasting name of it, as fstab(5) writes them."""
        pairs = (("UUID", self.uuid), ("LABEL", self.label), ("PARTUUID", self.partuuid), ("PARTLABEL", self.partlabel))
        kinds = {"UUID": "by-uuid", "LABEL": "by-label", "PARTUUID": "by-partuuid", "PARTLABEL": "by-partlabel"}
        tags = [(tag, value.lower() if tag.endswith("UUID") else value) for tag, value in pairs if value]
        return frozenset(
            [f"{tag}={value}" for tag, value in tags] + [f"/dev/disk/{kinds[tag]}/{value}" for tag, value in tags]
        )


@dataclass(frozen=True)
class System:
    """What was found. *why_not*: why nothing can be changed, a sentence; empty when all is well.

    *mounts*: mount point → device, root first. *kernels*: the versions that have modules.
    """

    why_not: str = ""
    remedy: str = ""
    root: str = ""
    title: str = ""
    distro: str = ""
    arch: str = ""
    mounts: dict[str, str] = field(default_factory=dict)
    filesystems: tuple[FileSystem, ...] = ()
    kernels: tuple[str, ...] = ()
    systemd: bool = False
    free: int = 0

    def on(self, device: str) -> FileSystem | None:
        """The file system of a device."""
        return next((fs for fs in self.filesystems if fs.device == device), None)


def look(guest: Guest, root: str = "", told: Mapping[str, str] | None = None) -> System:
    """See what the disk holds and mount it as its own fstab says; changes no file.

    Where other disks are open as well: *root* is the one that was found before, *told* the devices that count, and
    their kinds.
    """
    told = dict(told or guest.table("list-filesystems"))
    roots = [root] if root else guest.words("inspect-os")
    filesystems = tuple(_described(guest, device, kind) for device, kind in told.items())
    if why := _unusable(roots, told):
        return System(why_not=why, filesystems=filesystems)
    root = roots[0]
    if (kind := _one(guest, "inspect-get-type", root)) != "linux":
        return System(why_not=f"It holds another kind of system ({kind}) than Linux.", filesystems=filesystems)
    mounts = _mounts(guest.table("inspect-get-mountpoints", root), told)
    for place, device in mounts.items():
        try:
            guest.call("mount", device, place)
        except Refused as exc:
            text = f"Its file system for {place} cannot be opened for writing: {exc.message}"
            remedy = "Look at it on the sandbox (fsck), and make a new snapshot."
            return System(why_not=text, remedy=remedy, filesystems=filesystems)
    free = guest.table("statvfs", "/")
    return System(
        root=root,
        title=_title(guest, root),
        distro=_one(guest, "inspect-get-distro", root),
        arch=_one(guest, "inspect-get-arch", root),
        mounts=mounts,
        filesystems=filesystems,
        kernels=tuple(name for name in guest.names("/lib/modules") if guest.names(f"/lib/modules/{name}/kernel")),
        systemd=any(guest.file(f"{path}/systemd/systemd") for path in ("/lib", "/usr/lib")),
        free=int(free["bsize"]) * int(free["bavail"]),
    )


def _mounts(named: dict[str, str], told: dict[str, str]) -> dict[str, str]:
    """Mount point → device, outer ones first: only of disks that are here, and each file system once.

    libguestfs takes /dev/vdb1 in an fstab for what has that name here; it may be a disk that stayed behind.
    """
    found: dict[str, str] = {}
    for place, device in sorted(named.items(), key=lambda pair: len(pair[0])):
        if device in told and (device not in found.values() or told[device] == "btrfs"):
            found[place] = device
    return found


def _unusable(roots: list[str], told: dict[str, str]) -> str:
    if not roots and any("LUKS" in kind or "BitLocker" in kind for kind in told.values()):
        return "It is encrypted, and can only be opened with its passphrase."
    if not roots:
        return "No system that could start was found on it (it may be a disk with data only)."
    return f"There are {len(roots)} systems on it, and it cannot be known which is meant." if len(roots) > 1 else ""


def _described(guest: Guest, device: str, kind: str) -> FileSystem:
    try:
        told = guest.table("blkid", device)
    except Refused:
        told = {}
    number = told.get("PART_ENTRY_NUMBER", "")
    return FileSystem(
        device, kind, told.get("UUID", ""), told.get("LABEL", ""), told.get("PART_ENTRY_UUID", ""),
        told.get("PART_ENTRY_NAME", ""), int(number) if number.isdigit() else 0,
    )  # fmt: skip


def _one(guest: Guest, command: str, root: str) -> str:
    return next(iter(guest.words(command, root)), "unknown")


def _title(guest: Guest, root: str) -> str:
    named = re.search(r'^PRETTY_NAME="?([^"\n]*)', guest.text("/etc/os-release"), re.MULTILINE)
    return (named[1] if named else "") or _one(guest, "inspect-get-product-name", root)
