"""Copy the file system of a data disk into a folder of the copy, and prove that both are equal to the last attribute.

Both lie in the machine of libguestfs; the copying is GNU cp's, the comparison lists and hashes both sides anew from
the disks (resources/guest/carry.sh). The data disk is only read.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from app.disk.guest import inside
from app.disk.guest.bigger import OTHER_WAYS, on_disk
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused
from app.errors import JobError

SCRIPT = Path(__file__).resolve().parents[3] / "resources" / "guest" / "carry.sh"
SYSROOT = "/sysroot"  # where the machine of libguestfs has the copy mounted
FROM = "/carry-from"
WHOLE_SECONDS = 128  # bytes of an ext inode that has no room for fractions of a second


@dataclass(frozen=True)
class Load:
    """One data disk's file system, and where it goes.

    *mount*: the folder. *uuid* names the file system; *volume* is what LVM called it on the sandbox (`/dev/mapper/…`).
    *kind*: of file system. Without uuid and volume it must be the only one of its kind there.
    """

    mount: str
    uuid: str = ""
    volume: str = ""
    kind: str = ""


@dataclass(frozen=True)
class Carried:
    """What was copied: *files* and *bytes*; *hidden*: names that the disk had covered; *coarse*: whole seconds only."""

    mount: str
    files: int
    bytes: int
    hidden: tuple[str, ...] = ()
    coarse: bool = False


class TooSmallError(JobError):
    """The root has fewer free bytes or files than are needed: *short* bytes more of disk would do."""

    def __init__(self, short: int) -> None:
        super().__init__("The copy's system disk is still too small.", OTHER_WAYS, topic="grow")
        self.short = short


def find(guest: Guest, load: Load, told: Mapping[str, str]) -> str:
    """The device of *load* among the data disks; `JobError` when it is not there, or not once.

    *told*: each file system's device and kind.
    """
    others = [device for device in told if not on_disk(guest, device) and not device.startswith("btrfsvol:")]
    if load.uuid:
        found = [device for device in others if _uuid(guest, device) == load.uuid.lower()]
    elif load.volume:
        found = [device for device in others if load.volume in (device, _mapper(device))]
    else:
        found = [device for device in others if told[device] == load.kind]
    if len(found) == 1:
        return found[0]
    if any(told[device] in ("crypto_LUKS", "BitLocker") for device in others):
        raise trouble(f"The disk of {load.mount} is encrypted, and cannot be opened here.")
    number = "no" if not found else str(len(found))
    raise trouble(f"The disk of {load.mount} was fetched, but {number} file systems on it are the one that is meant.")


Watch = Callable[[str, int], Callable[[], None]]


def carry(guest: Guest, device: str, load: Load, options: str, watch: Watch) -> Carried:
    """Copy *device* (only read, mounted with *options*) to the folder of *load*, and compare.

    *watch*(phase, bytes) is told what begins, and gives what is called again and again meanwhile. Raises
    `TooSmallError` before anything is copied, `JobError` when a difference is left.
    """
    to = _target(guest, load)
    _mount(guest, device, load, options)
    try:
        size, files = (int(word) for word in _run(guest, "measure", to).split())
        _check_room(guest, to, size, files)
        hidden = _uncover(guest, to)
        coarse = _coarse(guest, to)
        _copy(guest, to, load, size, watch("grow-copy", size))
        said = _run(guest, "compare", to, "%Ts" if coarse else "%T@", watch("grow-compare", 0)).strip()
        if said != "equal":
            names = ", ".join(dict.fromkeys(said.splitlines())) or "it could not be said where"
            raise trouble(f"What was copied to {load.mount} differs from its disk: {names[:300]}")
    finally:
        inside.run(guest, f"umount {FROM} || :")
    return Carried(load.mount, files, size, hidden, coarse)


def _copy(guest: Guest, to: str, load: Load, size: int, watch: Callable[[], None]) -> None:
    """A root that fills up all the same (its own tables grow, too) is made anew and bigger."""
    try:
        _run(guest, "copy", to, watch=watch)
    except Refused as exc:
        if "No space left" in exc.message:
            raise TooSmallError(size // 5) from exc
        raise trouble(f"The data of {load.mount} could not be copied: {exc.message}") from exc


def trouble(why: str) -> JobError:
    """The data could not be put into the copy; the copy is thrown away."""
    means = "Nothing was sent. The fetched disks are kept as they were."
    return JobError(why, OTHER_WAYS, means=means, topic="grow")


def _target(guest: Guest, load: Load) -> str:
    """The folder, which is made when it is missing; never through a link that somebody could have laid as a trap."""
    real = guest.real(load.mount, strict=True)
    found = guest.lstat(real)
    if found is None:
        guest.folder(real)
    elif not found.is_folder:
        raise trouble(f"In the copy, {load.mount} is no folder.")
    return real


def _mount(guest: Guest, device: str, load: Load, options: str) -> None:
    kind = guest.table("blkid", device).get("TYPE", "auto")
    chosen = ",".join(word for word in ("ro", "noatime", "nouuid" * (kind == "xfs"), options) if word)
    words = shlex.join(["mount", "-t", kind, "-o", chosen, inside.device(guest, device), FROM])
    try:
        inside.run(guest, f"mkdir -p {FROM} && {words}")
    except Refused as exc:
        raise trouble(f"The disk of {load.mount} cannot be read here: {exc.message}") from exc


def _check_room(guest: Guest, to: str, size: int, files: int) -> None:
    """Before anything is copied: bytes, and files where the file system has a limit of its own."""
    told = {name: int(value) for name, value in guest.table("statvfs", to).items()}
    block, short = told["bsize"], size + files * told["bsize"] - told["bavail"] * told["bsize"]
    if told["files"] and files > told["favail"]:
        short = max(short, (files - told["favail"]) * told["blocks"] * block // told["files"])
    if short > 0:
        raise TooSmallError(short)


def _uncover(guest: Guest, to: str) -> tuple[str, ...]:
    """Take away what lies in the folder: on the sandbox the data disk covers it, and in the copy it would be mixed."""
    names = tuple(guest.names(to))
    for name in names:
        guest.remove(f"{to.rstrip('/')}/{name}")
    return names


def _coarse(guest: Guest, to: str) -> bool:
    """Whether the file system of *to* keeps times to the second only (ext with small inodes)."""
    device = f"$(findmnt -n -o SOURCE -T {shlex.quote(SYSROOT + to)})"
    said = inside.run(guest, f'tune2fs -l "{device}" 2>/dev/null | sed -n "s/^Inode size: *//p"')
    return said.strip() == str(WHOLE_SECONDS)


def _run(guest: Guest, work: str, to: str, time: str = "%T@", watch: Callable[[], None] | None = None) -> str:
    given = shlex.join(["set", "--", work, FROM, SYSROOT + to, time])
    return inside.run(guest, f"{given}\n{SCRIPT.read_text(encoding='utf-8')}", watch)


def _uuid(guest: Guest, device: str) -> str:
    try:
        return "".join(guest.words("vfs-uuid", device)).lower()
    except Refused:
        return ""


def _mapper(volume: str) -> str:
    """/dev/GROUP/NAME as the device mapper calls it: dashes inside of a name are doubled."""
    parts = volume.split("/")
    return "/dev/mapper/" + "-".join(part.replace("-", "--") for part in parts[2:]) if len(parts) == 4 else ""
