"""A data disk put into the copy, whose system disk is made bigger for it (`grow`): how big, and whether it can be done.

Pure questions about a look; the work is done in app/growing.py, on this computer. The sandbox is not touched for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from app.context import Finding
from app.disk.guest.bigger import GROWS, MBR_SECTORS
from app.job import Include
from app.sandbox import disks
from app.sandbox.look import Look, Root
from app.sandbox.mounts import Mount, inside
from app.units import size as words

GIB = 1 << 30
SPARE = 256 << 20  # bytes besides a tenth of the data: journal, tables, and some air for the first days
BLOCK = 4096  # bytes that each file may take more than on its own disk, whose blocks may have been smaller
MBR_MOST = MBR_SECTORS * 512  # bytes
_LAYERS = {"md ": "a software RAID", "CRYPT-": "encryption", "DMRAID-": "a RAID", "mpath-": "several ways (multipath)"}
_REMEDY = "Merge it, export it as a disk of its own ({path}=disk), or leave it out ({path}=leave)."


def need(mounts: Sequence[Mount]) -> int:
    """The bytes that the system disk needs more for the content of *mounts*."""
    used, files = sum(mount.used for mount in mounts), sum(mount.files for mount in mounts)
    return used + used // 10 + files * BLOCK + SPARE if mounts else 0


def bigger(disk: int, more: int) -> int:
    """The bytes of a disk of *disk* bytes that gets *more*: whole GiB, as clouds count."""
    return -(-(disk + more) // GIB) * GIB


def of(look: Look, include: Sequence[Include]) -> list[Mount]:
    """The mounts that are put into the bigger copy."""
    asked = {one.mount for one in include if one.how == "grow"}
    return [mount for mount in look.mounts if mount.path in asked]


def system_size(look: Look, include: Sequence[Include]) -> int:
    """The bytes that the copy's system disk will have; 0 where nothing is put in, or it is not known."""
    now, mounts = next((disk.size for disk in look.disks if disk.mount == "/"), 0), of(look, include)
    return bigger(now, need(mounts)) if now and mounts else 0


def here(look: Look) -> tuple[str, str]:
    """Why this computer cannot do it, and what to do about it; empty when it can."""
    from app.disk import guest

    why = guest.why_not()
    return why if why[0] or look.root.fstype != "xfs" else guest.xfs_why_not()


def root_why_not(root: Root, now: int = 0, wanted: int = 0) -> str:
    """Why the root cannot be made bigger in the copy, as a part of a sentence; empty when nothing is known against it.

    *now* and *wanted*: the bytes of its disk today and then.
    """
    if not root.fstype:
        return ""
    if root.fstype not in GROWS:
        return f"its file system is {root.fstype}"
    layer = next((name for below in root.layers for start, name in _LAYERS.items() if below.startswith(start)), "")
    if layer:
        return f"it lies on {layer}"
    if root.table == "mbr" and wanted > max(now, MBR_MOST):
        return f"its partition table (MBR) ends at {words(MBR_MOST)}"
    if any(below.startswith("LVM-") for below in root.layers):
        return ""
    if not root.number:
        return "it lies on no partition"
    behind = [number for number, end in root.parts if end > root.end]
    return f"partition {behind[0]} lies behind its own, which is number {root.number}" if behind else ""


def why_not(look: Look, path: str, how: Mapping[str, str]) -> str:
    """Why the mount *path* cannot be put into the copy, as a part of a sentence; empty when it can."""
    mount = next((mount for mount in look.mounts if mount.path == path), None)
    disk = next((disk for disk in look.disks if disk.mount == path), None)
    if mount is None:
        return "it is no data disk of the sandbox"
    if mount.why_not:
        return mount.why_not
    if disk is None or disk.why_not:
        return disk.why_not if disk else "its disk was not seen"
    return _disk_why_not(disk, look, how) or _place_why_not(path, look, how) or _root_why_not(look, how)


def _disk_why_not(disk: disks.Disk, look: Look, how: Mapping[str, str]) -> str:
    others = disks.beside(disk, look.disks)
    kinds = {"linux_raid_member": "it is a software RAID", "crypto_LUKS": "it is encrypted"}
    if disk.kind in kinds or disk.fstype in ("zfs", "zfs_member"):
        return kinds.get(disk.kind, "it lies on ZFS")
    if "/" in others:
        return "it lies on the system disk"
    owned = next((other for other in others if how.get(other) == "disk"), "")
    return f"it lies on one disk with {owned}, which is exported as a disk of its own" if owned else ""


def _place_why_not(path: str, look: Look, how: Mapping[str, str]) -> str:
    around = inside(path, [mount.path for mount in look.mounts])
    if around and how.get(around) not in ("grow", "merge"):
        return f"it lies inside {around}, which is not put into the system disk"
    return ""


def _root_why_not(look: Look, how: Mapping[str, str]) -> str:
    now = next((disk.size for disk in look.disks if disk.mount == "/"), 0)
    wanted = bigger(now, need([mount for mount in look.mounts if how.get(mount.path) == "grow"]))
    why = root_why_not(look.root, now, wanted)
    return f"the system disk cannot be made bigger: {why}" if why else ""


def findings(look: Look, how: Mapping[str, str], here: tuple[str, str] = ("", "")) -> Iterator[Finding]:
    """What is to be said of all that is put into the bigger copy.

    *here*: why copies cannot be changed on this computer and what to do about it; empty when they can.
    """
    asked = [path for path, what in how.items() if what == "grow"]
    if asked and here[0]:
        title = f"{', '.join(asked)} cannot be put into the copy on this computer."
        yield Finding("stop", title, here[0], f"{here[1]} Or: {_REMEDY.format(path=asked[0])}", "grow")
    known = {mount.path: mount for mount in look.mounts}
    for path in asked:
        if why := why_not(look, path, how):
            title = f"{path} cannot be put into the copy: {why}."
            remedy = _REMEDY.format(path=path) if path in known else f"Do not ask for {path}."
            yield Finding("stop", title, "", remedy, "grow")
        elif known[path].hidden:
            text = "They are not in the copy, where the data takes their place; the sandbox still has them."
            yield Finding("care", f"The folder below {path} is not empty: files are hidden.", text, "", "hidden")
    taken = [known[path] for path in asked if path in known and not why_not(look, path, how)]
    if taken:
        yield _told(taken, look)


def _told(taken: Sequence[Mount], look: Look) -> Finding:
    names, more = ", ".join(mount.path for mount in taken), need(taken)
    now = next((disk.size for disk in look.disks if disk.mount == "/"), 0)
    end = f", from {words(now)} to {words(bigger(now, more))}" if now else f" by about {words(more)}"
    title = f"{names} {'is' if len(taken) == 1 else 'are'} put into the copy, whose system disk is made bigger{end}."
    text = "You fetch each disk as well; they are put together on this computer. The sandbox is not changed for it."
    facts = {
        "mounts": [mount.path for mount in taken],
        "more": more,
        "from": now,
        "to": bigger(now, more) if now else 0,
    }
    return Finding("ok", title, text, "", "grow", facts)
