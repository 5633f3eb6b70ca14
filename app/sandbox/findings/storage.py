"""What the file systems lie on, how they are named, and what they wait for at the start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.context import Finding
from app.sandbox import fstab
from app.sandbox.findings.words import count, some
from app.sandbox.look import Seen
from app.sandbox.mounts import NETWORK, Mount, decode
from app.units import size

_SECRETIVE = ("credentials=", "password=", "secretfile=")


def findings(seen: Seen, mounts: Sequence[Mount]) -> Iterator[Finding]:
    """Names in fstab, network folders, layers below root, swap, and each data disk."""
    yield from _table(seen)
    yield from _layers(seen)
    yield from _shares(seen, mounts)
    yield from _data(seen, mounts)


def _table(seen: Seen) -> Iterator[Finding]:
    if named := fstab.by_device_name(seen.raw("fstab")):
        title = (
            f"{some([place for _, place in named])} {'is' if len(named) == 1 else 'are'} mounted by the place of a disk"
        )
        yield Finding(
            "care",
            f"{title} ({some([device for device, _ in named])}).",
            "Elsewhere that name may belong to another disk, or to none, and the copy would stop while it starts.",
            "It is named by its UUID in the copy. By hand: UUID=… (shown by blkid) in /etc/fstab.",
            "device-names",
            {"names": [list(pair) for pair in named]},
            "device-names",
        )
    absent = [line.split(" ", 2) for line in seen.words("absent") if line.count(" ") >= 2]
    waiting = [decode(place) for place, _, options in absent if not {"nofail", "noauto"} & set(options.split(","))]
    if waiting:
        title = f"/etc/fstab names disks that are not there: {some(waiting)}."
        text = "The next start would wait for them and then stop; that holds for the sandbox itself, too."
        remedy = "They no longer hold up the start in the copy. Correct /etc/fstab on the sandbox."
        facts = {"absent": [[decode(place), device] for place, device, _ in absent]}
        yield Finding("care", title, text, remedy, "missing-disks", facts, "missing-disks")


def _layers(seen: Seen) -> Iterator[Finding]:
    below, mappers = seen.words("below_root"), seen.words("mappers")
    root_disks = [line.split(" ", 1)[1] for line in seen.words("root_disk") if line.startswith("name ")]
    facts = {"below_root": below, "disks": root_disks}
    if any(line.startswith("mpath-") for line in below):
        text = "Elsewhere there is one way only; a start-up image made for several may wait for ever."
        yield Finding("care", "The system's disk is reached by several ways (multipath).", text, "", "layers", facts)
    if any(line.startswith("md ") for line in below):
        title = "The system lies on a software RAID."
        yield Finding(
            "care", title, "Its copy is one half of a pair, and starts as a degraded one.", "", "layers", facts
        )
    if len(root_disks) > 1:
        title = f"The system is spread over {len(root_disks)} disks ({some(root_disks)})."
        text = "A snapshot of the first one is not a whole system."
        remedy = "Move it to one disk first (pvmove), or export the whole machine at its cloud."
        yield Finding("stop", title, text, remedy, "layers", facts)
    if any(line.path == "/" and line.fstype == "zfs" for line in seen.lines):
        title = "The system lies on ZFS."
        text = "It is copied as it is; repairs in the copy cannot be made, as they need tools for ZFS."
        yield Finding("care", title, text, "Look at the test start with care.", "layers", facts)
    yield from _locked([line for line in mappers if line.startswith("CRYPT-")], seen, below)


def _locked(locked: Sequence[str], seen: Seen, below: Sequence[str]) -> Iterator[Finding]:
    if not locked:
        return
    names = [line.split()[-1] for line in locked]
    root = any(line in below for line in locked)
    keyed = [line for line in seen.words("crypttab") if "tpm2-device" in line or "clevis" in line]
    text = "Whoever starts the copy needs the passphrase, and a console to type it."
    if keyed:
        text = "Its key lies in this machine's security chip (TPM), which stays behind. " + text
    remedy = "Make sure that you know a passphrase for it (cryptsetup luksDump shows whether there is one)."
    title = f"{'The system disk is' if root else 'A disk is'} encrypted ({some(names)})."
    yield Finding("care", title, text, remedy, "encrypted", {"names": names, "root": root, "tpm": bool(keyed)})


def _shares(seen: Seen, mounts: Sequence[Mount]) -> Iterator[Finding]:
    """Network folders in fstab that the start waits for, and keys for them that lie in other files."""
    lines = [f for _, f in fstab.entries(seen.raw("fstab")) if len(f) > 3 and NETWORK.fullmatch(f[2])]
    waiting = [decode(f[1]) for f in lines if not {"nofail", "noauto", "x-systemd.automount"} & set(f[3].split(","))]
    keyed = [decode(f[1]) for f in lines if any(word in f[3] for word in _SECRETIVE)]
    if waiting:
        title = f"The start waits for network folders: {some(waiting)}."
        text = "Where the copy cannot reach them, its start takes minutes, or stops."
        if keyed:
            text += f" The login for {some(keyed)} is kept on the sandbox and travels along."
        remedy = "They no longer hold up the start in the copy."
        yield Finding("care", title, text, remedy, "missing-disks", {"mounts": waiting}, "missing-disks")


def _data(seen: Seen, mounts: Sequence[Mount]) -> Iterator[Finding]:
    writers = _writers(seen)
    for mount in mounts:
        told = fstab.mounted_by(seen.raw("fstab"), mount.path, seen.places) or seen.by_unit(mount.path)
        if not mount.why_not and not told:
            text = "Whatever mounts it will look for its disk in the copy too."
            yield Finding("care", f"{mount.path} is not mounted by /etc/fstab.", text, topic="mounts")
        busy = writers.get(mount.path, {})
        text = f"Just now {some(list(busy))} write{'s' * (len(busy) == 1)} to it." if busy else ""
        owner = mount.owner.partition(":")[2] or mount.owner
        whose = f", belongs to {owner}" if owner not in ("", "root", "0") else ""
        title = f"Data disk {mount.path}: {size(mount.used)} in {count(mount.files, 'file')}{whose}."
        yield Finding("ok", title, text, "", "mounts" if busy else "", {**mount.as_json(), "writers": busy})


def _writers(seen: Seen) -> dict[str, dict[str, int]]:
    """Mount point → program → files that it has open for writing."""
    found: dict[str, dict[str, int]] = {}
    for number, place, name in (line.split(None, 2) for line in seen.words("open_writers") if len(line.split()) > 2):
        if number.isdigit():
            found.setdefault(decode(place), {})[name] = int(number)
    return found
