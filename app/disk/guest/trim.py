"""Free space of the copy really is free: what was deleted is not in the result, and the result is small."""

from __future__ import annotations

from collections.abc import Iterator

from app.disk.guest.change import Change
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused
from app.disk.guest.system import System


def drop_free_space(guest: Guest, system: System, *, wipe_swap: bool) -> Iterator[Change]:
    """Give the overlay every free block back (fstrim(8)); with *wipe_swap* make the swap areas anew."""
    guest.call("sync")
    for place in system.mounts:
        try:
            guest.call("fstrim", place, patience=3600)
        except Refused as exc:
            if wipe_swap:
                text = f"Deleted data of {place} may still be found in the free space of the copy."
                yield Change("trim", text, exc.message, grade="care")
    for fs in system.filesystems if wipe_swap else ():
        if fs.kind == "swap":
            yield from _new_swap(guest, fs.device, fs.uuid, fs.label)


def _new_swap(guest: Guest, device: str, uuid: str, label: str) -> Iterator[Change]:
    """What was in the sandbox's memory may lie in its swap area."""
    named = [*([f"uuid:{uuid}"] if uuid else []), *([f"label:{label}"] if label else [])]
    guest.call("blkdiscard", device)
    guest.call("zero", device)
    guest.call("mkswap", device, *named)
    yield Change("clean", "The swap area was emptied; it held pieces of memory.", device, device)
