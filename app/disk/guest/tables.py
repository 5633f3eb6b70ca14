"""The tables that name disks: fstab(5), crypttab(5), kernel command lines. Pure text; other bytes stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from app.disk.guest.system import FileSystem, System

BY_PLACE = re.compile(
    r"/dev/(?:(?:sd|vd|xvd|hd)[a-z]+\d*|nvme\d+n\d+(?:p\d+)?|mmcblk\d+(?:p\d+)?|disk/by-(?:path|id)/\S+)"
)
_PARTITION = re.compile(r"/dev/(?:((?:sd|vd|xvd|hd)[a-z]+)(\d*)|((?:nvme\d+n|mmcblk)\d+)(?:p(\d+))?)$")
_FIRST = ("sda", "vda", "xvda", "hda", "nvme0n1", "mmcblk0", "xvde")
_NETWORK = (
    "nfs",
    "nfs4",
    "cifs",
    "smbfs",
    "smb3",
    "ceph",
    "glusterfs",
    "davfs",
    "sshfs",
    "lustre",
    "afs",
    "9p",
    "beegfs",
)
_NO_DISK = (
    "/dev/fd",
    "/dev/sr",
    "/dev/cdrom",
    "/dev/dvd",
    "/dev/loop",
    "/dev/zram",
    "/dev/pts",
    "/dev/ram",
)
_NEEDED = ("/", "/usr", "none", "swap")
TIMEOUT = "x-systemd.device-timeout=10s"


@dataclass(frozen=True)
class Entry:
    """One line that mounts something: its *line* number from 0, and fields as written."""

    line: int
    spec: str
    place: str
    kind: str = "auto"
    options: str = "defaults"


def entries(text: str) -> list[Entry]:
    """The lines of an fstab that mount something."""
    found = []
    for number, line in enumerate(text.split("\n")):
        fields = line.split()
        if len(fields) >= 2 and not fields[0].startswith("#"):
            place = _decoded(fields[1]).rstrip("/") or "/"
            kind, options = [*fields[2:4], "auto", "defaults"][:2] if len(fields) != 3 else (fields[2], "defaults")
            found.append(Entry(number, fields[0], place, kind, options))
    return found


@dataclass(frozen=True)
class Judged:
    """An entry and what it means for the copy: its file system is *here* on it, or it stays behind (*away*).

    *uuid*: what the device is to be named by, where that is known.
    """

    entry: Entry
    here: FileSystem | None = None
    away: bool = False
    uuid: str = ""


def judge(text: str, system: System, hint: str = "", along: Mapping[str, str] | None = None) -> list[Judged]:
    """What each line of an fstab means on the copy; *hint*: what the root's device was called on the sandbox.

    *along*: the mount points of disks that travel with the copy → the UUID of their file system, or empty.
    """
    found = entries(text)
    disk = _own_disk(found, hint)
    judged: list[Judged] = []
    for entry in found:
        if along and entry.place in along:
            judged.append(Judged(entry, uuid=along[entry.place]))
            continue
        here = _resolved(entry, system, disk)
        if here and here.kind != "btrfs" and any(other.here == here for other in judged):
            here = None  # two lines for one file system: this one means another disk
        judged.append(Judged(entry, here, here is None and _is_elsewhere(entry), here.uuid if here else ""))
    gone = [j.entry.place for j in judged if j.away and j.entry.place.startswith("/")]
    return [_with_bind(j, gone) for j in judged]


def _with_bind(judged: Judged, gone: Sequence[str]) -> Judged:
    spec, bound = _decoded(judged.entry.spec), {"bind", "rbind"} & {*judged.entry.options.split(",")}
    behind = bound and any(spec == place or spec.startswith(place + "/") for place in gone)
    return replace(judged, away=True) if behind else judged


def by_uuid(text: str, judged: Sequence[Judged]) -> str:
    """The fstab with every file system of the copy named by its UUID that was named by its place."""
    written = text.split("\n")
    for j in judged:
        if j.uuid and BY_PLACE.fullmatch(j.entry.spec):
            written[j.entry.line] = written[j.entry.line].replace(j.entry.spec, f"UUID={j.uuid}", 1)
    return "\n".join(written)


def unhurried(text: str, judged: Sequence[Judged], *, systemd: bool = True) -> str:
    """The fstab in which no line that stays behind holds up the start; nobody's line is taken away."""
    written = text.split("\n")
    for j in judged:
        options = j.entry.options.split(",")
        if not j.away or j.entry.place in _NEEDED[:2] or {"noauto", "nofail"} & {*options}:
            continue
        more = ["nofail"]
        if (
            systemd
            and j.entry.spec.startswith(("/dev/", "UUID=", "LABEL=", "PART"))
            and "device-timeout" not in j.entry.options
        ):
            more.append(TIMEOUT)
        written[j.entry.line] = _with_options(written[j.entry.line], [*options, *more])
    return "\n".join(written)


def _with_options(line: str, options: list[str]) -> str:
    wanted = ",".join(option for option in options if option not in ("defaults", "")) or "defaults"
    pieces = re.split(r"(\s+)", line.rstrip("\r"))
    start = 2 if not pieces[0] else 0  # a line may begin with blanks
    fields = pieces[start::2]
    if len(fields) == 2:
        return f"{line} auto {wanted}"
    if len(fields) == 3:
        return f"{line} {wanted}"
    pieces[start + 6] = wanted
    return "".join(pieces)


def _own_disk(found: Sequence[Entry], hint: str) -> str:
    """What the disk with the root file system was called on the sandbox, as far as that is known."""
    specs = [hint, *(e.spec for e in found if e.place == "/"), *(e.spec for e in found if e.place.startswith("/boot"))]
    return next((disk for spec in specs if (disk := _parted(spec)[0])), "")


def _parted(device: str) -> tuple[str, int]:
    """The disk and partition number that a device name stands for."""
    found = _PARTITION.match(device)
    return (found[1] or found[3], int(found[2] or found[4] or 0)) if found else ("", 0)


def _resolved(entry: Entry, system: System, disk: str) -> FileSystem | None:
    if entry.place == "/":
        return system.on(system.root)
    spec = _tag(entry.spec)
    named = next((fs for fs in system.filesystems if spec in fs.names or _is_volume(spec, fs.device)), None)
    if named or not BY_PLACE.fullmatch(entry.spec):
        return named
    fits = [fs for fs in system.filesystems if _alike(entry.kind, fs.kind) and fs.device != system.root]
    on, number = _parted(entry.spec)
    if not on:  # by-path, by-id
        return next((fs for fs in fits if fs.device == system.mounts.get(entry.place)), None)
    if on != disk and (disk or on not in _FIRST):
        return None
    return next((fs for fs in fits if fs.number == number), None)


def named(device: str, system: System) -> FileSystem | None:
    """The file system of the copy that a kernel's `root=` or `resume=` with a device name means."""
    number = _parted(device)[1]
    root = system.on(system.root)
    if root and (root.number == number or not _parted(device)[0]):
        return root
    return next((fs for fs in system.filesystems if fs.number == number and number), None)


def _tag(spec: str) -> str:
    """A tag as `FileSystem.names` has it: no quotes, UUIDs in lower case."""
    name, equals, value = spec.partition("=")
    if equals and not spec.startswith("/"):
        value = _decoded(value.strip("\"'"))
        return f"{name.upper()}={value.lower() if name.upper().endswith('UUID') else value}"
    spec = _decoded(spec)
    return spec.lower() if spec.startswith(("/dev/disk/by-uuid/", "/dev/disk/by-partuuid/")) else spec


def _is_volume(spec: str, device: str) -> bool:
    """Whether both are one LVM volume: /dev/VG/LV, or /dev/mapper/VG-LV where a dash inside a name is doubled."""
    parts = device.split("/")
    if spec == device and BY_PLACE.fullmatch(spec) is None:
        return True
    return len(parts) == 4 and spec == "/dev/mapper/" + "-".join(part.replace("-", "--") for part in parts[2:])


def _alike(written: str, kind: str) -> bool:
    ext = ("ext2", "ext3", "ext4")
    return written in ("auto", kind) or (written in ext and kind in ext) or (written == "msdos" and kind == "vfat")


def _is_elsewhere(entry: Entry) -> bool:
    """Whether the line wants a disk or server, which then is not here."""
    if entry.kind in _NETWORK or entry.kind.startswith("fuse.") or "_netdev" in entry.options.split(","):
        return True
    if entry.spec.upper().startswith(("UUID=", "LABEL=", "PARTUUID=", "PARTLABEL=")):
        return True
    return entry.spec.startswith("/dev/") and not entry.spec.startswith(_NO_DISK)


def _decoded(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8) & 0xFF), word)


def crypttab(text: str, system: System) -> str:
    """The crypttab in which no volume that stays behind holds up the start."""
    written = text.split("\n")
    for number, line in enumerate(written):
        fields = line.split()
        if len(fields) < 2 or fields[0].startswith("#") or "nofail" in line or "noauto" in line:
            continue
        spec = _tag(fields[1])
        if any(spec in fs.names or spec == fs.device for fs in system.filesystems) or not _is_elsewhere(
            Entry(0, fields[1], "")
        ):
            continue
        rest = [*fields[2:], *(["none"] if len(fields) < 3 else []), *(["luks"] if len(fields) < 4 else [])]
        rest[1] += ",nofail"
        written[number] = " ".join([*fields[:2], *rest])
    return "\n".join(written)


_ROOT = re.compile(r"(?<![\w.-])(root|resume)=(/dev/[^\s\"']+)")


def kernel_lines(text: str, system: System, *, initrd: bool) -> str:
    """Kernel command lines by UUID (by PARTUUID where no start-up image could look for the former)."""

    def written(found: re.Match[str]) -> str:
        fs = named(found[2], system) if BY_PLACE.fullmatch(found[2]) else None
        tag = (
            f"UUID={fs.uuid}" if fs and fs.uuid and initrd else f"PARTUUID={fs.partuuid}" if fs and fs.partuuid else ""
        )
        if not fs or not tag or (found[1] == "root") != (fs.device == system.root):
            return found[0]
        return f"{found[1]}={tag}"

    return _ROOT.sub(written, text)


def grub_settings(text: str) -> str:
    """/etc/default/grub, so that the next update-grub names the root by UUID as well."""
    return re.sub(r"^(\s*GRUB_DISABLE_LINUX_UUID=.?true)", r"#\1", text, flags=re.MULTILINE)


def grubenv(text: str, before: str) -> str:
    """A GRUB environment block, whose length must stay; *before* where the change does not fit."""
    body = text.rstrip("#")
    return body + "#" * (len(before) - len(body)) if len(body) <= len(before) else before
