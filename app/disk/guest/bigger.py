"""Make the root of an opened copy bigger, into new space at the end of its disk: table, partition, LVM, file system.

What is not known to work is refused (`JobError` in words) before anything is written. Sectors have 512 bytes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass

from app.disk.guest import inside
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused
from app.errors import JobError

DISK = "/dev/sda"  # what the machine of libguestfs calls the first disk that it is given
MBR_SECTORS = 1 << 32  # as many as an MBR table can count
GROWS = ("ext2", "ext3", "ext4", "xfs", "btrfs")
OTHER_WAYS = "Merge the data on the sandbox, export it as a disk of its own (MOUNT=disk), or leave it out."
_MIB = 2048  # sectors; partitions begin and end at whole ones
_GPT_END = 34  # sectors that the second table of a GPT disk needs (UEFI 2.10, 5.3.1)
_LVM = "E6D6D379-F507-44C2-A23C-238F2A3DF928"  # the type of a GPT partition


@dataclass(frozen=True)
class Root:
    """The root file system of a copy: *place* as libguestfs calls it (`btrfsvol:DEVICE/NAME` too), and its *kind*."""

    place: str
    kind: str

    @property
    def device(self) -> str:
        """The partition or volume that it lies on."""
        found = re.match(r"btrfsvol:(/dev/sd[a-z]+\d*(?=/)|/dev/[^/]+/[^/]+)", self.place)
        return found[1] if found else self.place


@dataclass(frozen=True)
class Part:
    """A partition: its number, and the first and last sector."""

    number: int
    first: int
    last: int


def on_disk(guest: Guest, place: str) -> bool:
    """Whether a partition or volume lies on the system disk, and not on one of the data disks."""
    device = Root(place, "").device
    if device in guest.words("lvs"):
        return all(under.startswith(DISK) for under in physical(guest, device))
    return device.startswith(DISK)


def physical(guest: Guest, volume: str) -> list[str]:
    """The partitions and disks below an LVM volume `/dev/GROUP/NAME`."""
    wanted = {_letters(uuid) for uuid in guest.words("vgpvuuids", _group(volume))}
    return [pv for pv in guest.words("pvs") if _letters("".join(guest.words("pvuuid", pv))) in wanted]


def find_root(guest: Guest, told: Mapping[str, str]) -> Root:
    """The one Linux root on the system disk that can be made bigger; `JobError` says why not.

    *told*: each file system's device and kind (list-filesystems, which takes seconds where it is emulated).
    """
    roots = [root for root in guest.words("inspect-os") if on_disk(guest, root)]
    if len(roots) != 1:
        found = "no system" if not roots else f"{len(roots)} systems"
        raise refused(f"There is {found} on the system disk that could be found without a passphrase.")
    root = Root(roots[0], told.get(roots[0], "unknown"))
    if root.kind not in GROWS:
        raise refused(f"Its file system is {root.kind}; known here are {', '.join(GROWS)}.")
    if root.kind == "xfs" and not _can(guest, "xfs"):
        raise JobError(
            "This computer's libguestfs cannot make XFS bigger.", "Run: sudo apt install libguestfs-xfs", topic="grow"
        )
    return root


def make_room(guest: Guest, root: Root) -> None:
    """Give *root* all the new space behind the last partition; nothing of the disk may be mounted.

    Afterwards `fill` makes those file systems bigger that can only grow while they are mounted.
    """
    if root.device in guest.words("lvs"):
        _grow_volume(guest, root.device)
    elif found := re.fullmatch(DISK + r"(\d+)", root.device):
        _grow_partition(guest, int(found[1]))
    else:
        raise refused(f"It lies on {root.device}, which is no plain partition.")
    if root.kind.startswith("ext"):
        guest.call("e2fsck-f", root.device, patience=7200)  # resize2fs(8) wants it; also replays the journal
        guest.call("resize2fs", root.device, patience=7200)


def fill(guest: Guest, root: Root) -> None:
    """The same for what grows only while it is mounted (at /): XFS and btrfs."""
    if root.kind == "xfs":
        guest.call("xfs-growfs", "/", patience=3600)
    if root.kind == "btrfs":
        guest.call("btrfs-filesystem-resize", "/", patience=3600)


def refused(why: str) -> JobError:
    """The root cannot be made bigger, and nothing was written."""
    return JobError(
        f"The system disk of the copy cannot be made bigger. {why}",
        OTHER_WAYS,
        means="Nothing was sent. The fetched disks are kept as they were.",
        topic="grow",
    )


def extent(parts: list[Part], table: str, extended: int = 0) -> Part:
    """The partition that ends last; in an MBR table that is never the *extended* one, which only holds others."""
    return max((part for part in parts if table != "msdos" or part.number != extended), key=lambda part: part.last)


def last_sector(total: int, table: str) -> int:
    """The last sector that a partition may have on a disk of *total* ones, so that it ends at a whole MiB."""
    usable = total - _GPT_END if table == "gpt" else min(total, MBR_SECTORS)
    return usable // _MIB * _MIB - 1


def _grow_partition(guest: Guest, number: int) -> None:
    table, parts = _table(guest)
    extended = _extended(guest, parts) if table == "msdos" else 0
    last = extent(parts, table, extended)
    if last.number != number:
        raise refused(f"The root's partition is number {number}, but number {last.number} is the last one on the disk.")
    end = last_sector(_sectors(guest), table)
    if end <= last.last:
        raise refused("Its partition table ends there (an MBR counts to 2 TiB).")
    if number > 4 and extended:
        guest.call("part-resize", DISK, extended, end)
    guest.call("part-resize", DISK, number, end)


def _grow_volume(guest: Guest, volume: str) -> None:
    """The new space becomes a part of the volume group: in its partition where that is the last, else in a new one."""
    if DISK in physical(guest, volume):
        guest.call("pvresize", DISK)
    else:
        _grow_group(guest, volume)
    guest.call("lvresize-free", volume, 100)


def _grow_group(guest: Guest, volume: str) -> None:
    table, parts = _table(guest)
    last = extent(parts, table, _extended(guest, parts) if table == "msdos" else 0)
    if f"{DISK}{last.number}" in physical(guest, volume) and (table != "msdos" or last.number <= 4):
        guest.call("vg-activate-all", "false")  # parted(8) touches no partition that is in use
        guest.call("part-resize", DISK, last.number, last_sector(_sectors(guest), table))
        guest.call("pvresize", f"{DISK}{last.number}")
        guest.call("vg-activate-all", "true")
        return
    guest.call("vg-activate-all", "false")
    new = _new_partition(guest, table, parts)
    guest.call("pvcreate", new)
    inside.run(guest, shlex.join(["lvm", "vgextend", _group(volume), inside.device(guest, new)]))
    guest.call("vg-activate-all", "true")


def _new_partition(guest: Guest, table: str, parts: list[Part]) -> str:
    begin = -(-(max(part.last for part in parts) + 1) // _MIB) * _MIB
    try:
        guest.call("part-add", DISK, "p", begin, last_sector(_sectors(guest), table))
    except Refused as exc:
        raise refused(f"Its table has no place for one more partition ({exc.message}).") from exc
    known = {part.number for part in parts}
    number = next(part.number for part in _table(guest)[1] if part.number not in known)
    if table == "msdos":
        guest.call("part-set-mbr-id", DISK, number, 0x8E)  # Linux LVM
    else:
        guest.call("part-set-gpt-type", DISK, number, _LVM)
    return f"{DISK}{number}"


def _table(guest: Guest) -> tuple[str, list[Part]]:
    """The kind of the table (`gpt`, `msdos`), and the partitions; a GPT reaches to the new end afterwards."""
    try:
        table = "".join(guest.words("part-get-parttype", DISK))
    except Refused:
        table = "none"
    if table not in ("gpt", "msdos"):
        raise refused("It has no partition table of the kinds GPT or MBR.")
    if table == "gpt":
        guest.call("part-expand-gpt", DISK)
    told = guest.call("part-list", DISK).decode()
    found = re.findall(r"part_num: (\d+)\s+part_start: (\d+)\s+part_end: (\d+)", told)
    return table, [Part(int(number), int(first) // 512, int(last) // 512) for number, first, last in found]


def _extended(guest: Guest, parts: list[Part]) -> int:
    """The number of the partition that holds the logical ones, or 0."""
    told = ((part.number, guest.words("part-get-mbr-part-type", DISK, part.number)) for part in parts)
    return next((number for number, kind in told if kind == ["extended"]), 0)


def _sectors(guest: Guest) -> int:
    return int(guest.call("blockdev-getsz", DISK))


def _can(guest: Guest, feature: str) -> bool:
    return guest.words("feature-available", feature) == ["true"]


def _group(volume: str) -> str:
    return volume.split("/")[2]


def _letters(uuid: str) -> str:
    return re.sub(r"\W", "", uuid)
