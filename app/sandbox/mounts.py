"""What is mounted on a machine, read from /proc/self/mountinfo (proc(5)), and what that means for an export."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

NETWORK = re.compile(r"nfs\d?|cifs|smb.*|ceph|gluster.*|lustre|9p|afs|beegfs|gpfs|davfs|virtiofs|fuse\.(?!fuseblk).*")
MADE_UP = re.compile(
    r"proc|sysfs|tmpfs|ramfs|devtmpfs|devpts|cgroup2?|overlay|squashfs|autofs|rootfs|mqueue|hugetlbfs|debugfs|tracefs|"
    r"securityfs|pstore|bpf|configfs|fusectl|binfmt_misc|nsfs|efivarfs|selinuxfs|iso9660|rpc_pipefs|"
    r"fuse\.(gvfsd-fuse|portal|lxcfs|snapfuse)"
)
OTHER_KIND = {"vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk", "hfsplus"}  # no owners, no modes


@dataclass(frozen=True)
class Mount:
    """A data file system that is not part of the root disk.

    *size* and *used* are bytes, *files* counts inodes in use (0: not told). *owner* is `uid:name` of its top folder.
    *why_not* says why it cannot be merged into the root disk; empty when it can. *hidden*: the folder below it holds
    files of its own. *shows*: the mount whose data it shows a second time, whole or in part (a bind mount).
    """

    path: str
    device: str
    fstype: str
    size: int = 0
    used: int = 0
    files: int = 0
    owner: str = ""
    read_only: bool = False
    why_not: str = ""
    hidden: bool = False
    shows: str = ""

    @property
    def mergeable(self) -> bool:
        """Whether it may be merged into the root disk (its size is another matter)."""
        return not self.why_not

    def as_json(self) -> dict[str, Any]:
        """The mount as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Line:
    """One line of mountinfo, decoded. *escaped* is the mount point as the kernel writes it."""

    number: str
    root: str
    path: str
    escaped: str
    fstype: str
    source: str
    read_only: bool


def decode(field: str) -> str:
    r"""A field of mountinfo or fstab with its escapes (`\040` …) read; bytes that are no UTF-8 are kept (PEP 383)."""
    raw = re.sub(rb"\\([0-7]{3})", lambda m: bytes([int(m[1], 8) & 255]), field.encode("utf-8", "surrogateescape"))
    return raw.decode("utf-8", "surrogateescape")


def printable(text: str) -> str:
    r"""*text* with bytes that are no UTF-8 shown as `\xe9`, so that it may stand in a journal."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def lines_of(text: str) -> list[Line]:
    """The mounts that mountinfo tells, in its order; lines that are no mount are left out."""
    found = []
    for fields in (line.split(" ") for line in text.splitlines()):
        if "-" not in fields[6:] or len(fields) < fields.index("-", 6) + 3:
            continue
        after = fields[fields.index("-", 6) + 1 :]
        options = {*fields[5].split(","), *(after[2].split(",") if len(after) > 2 else ())}
        found.append(
            Line(
                fields[2], decode(fields[3]), decode(fields[4]), fields[4], after[0], decode(after[1]), "ro" in options
            )
        )
    return found


def visible(lines: Sequence[Line]) -> list[Line]:
    """The mounts that can be reached: the last one of each mount point, the earlier ones lie below it."""
    return list({line.path: line for line in lines}.values())


def data_mounts(
    lines: Sequence[Line],
    disks: Mapping[str, frozenset[str]],
    space: Mapping[str, tuple[int, int, int, str]],
    hidden: Collection[str] = (),
) -> list[Mount]:
    """The mounts a person has to decide about, sorted by path.

    *disks*: device number → the whole disks below it; *space*: escaped mount point → (size, used, files, owner);
    *hidden*: the escaped mount points with something below.
    What lies on the root disk itself comes along with it and is not listed.
    """
    seen = visible(lines)
    root_disks = next((disks.get(line.number, frozenset()) for line in seen if line.path == "/"), frozenset())
    found: list[Mount] = []
    first: dict[str, Line] = {}
    for line in sorted(seen, key=lambda line: line.root != "/"):  # else in the order in which they were mounted
        network = bool(NETWORK.fullmatch(line.fstype)) and not MADE_UP.fullmatch(line.fstype)
        if line.path == "/" or (not network and not _is_data(line, root_disks, disks)):
            continue
        size, used, files, owner = space.get(line.escaped, (0, 0, 0, ""))
        mount = Mount(
            printable(line.path), printable(line.source), line.fstype, size, used, files, owner, line.read_only
        )
        earlier = first.setdefault(line.number, line)
        same_as = printable(earlier.path) if earlier is not line else ""
        mount = replace(mount, hidden=line.escaped in hidden, shows=same_as if _shows(line, earlier) else "")
        found.append(replace(mount, why_not=_why_not(mount, line, network, same_as)))
    return [_placed(mount, seen, {other.path for other in found}) for mount in sorted(found, key=lambda m: m.path)]


def _placed(mount: Mount, seen: Sequence[Line], data: Collection[str]) -> Mount:
    """*mount*, refused when the folder below it does not lie on the root disk's own file system."""
    around = inside(mount.path, [line.path for line in seen if line.path != "/"])
    if mount.why_not or not around or around in data:
        return mount
    return replace(mount, why_not=f"it lies inside {printable(around)}, which is not the root file system itself")


def _is_data(line: Line, root_disks: frozenset[str], disks: Mapping[str, frozenset[str]]) -> bool:
    if MADE_UP.fullmatch(line.fstype) or not (line.source.startswith("/dev/") or line.fstype in ("btrfs", "zfs")):
        return False
    below = disks.get(line.number, frozenset())
    return not (below and below <= root_disks)


def _shows(line: Line, earlier: Line) -> bool:
    """Whether all of *line* can be seen in *earlier*, a mount of the same disk: not so for another subvolume."""
    return line.root == earlier.root or (earlier.root == "/" and line.fstype != "btrfs")


def _why_not(mount: Mount, line: Line, network: bool, same_as: str) -> str:
    if printable(line.path) != line.path:
        return "its name is no proper text"
    if network:
        return "it lies on another computer and is reached over the network"
    if mount.shows:
        return f"it shows the same data as {same_as}, and comes along with it"
    if same_as and line.fstype == "btrfs":
        return f"it is another part of the disk of {same_as}"
    if line.root != "/" and line.fstype != "btrfs":
        return "it shows only a part of its disk"
    if line.fstype in OTHER_KIND:
        return f"its file system ({line.fstype}) keeps no owners"
    return ""


def inside(path: str, others: Iterable[str]) -> str:
    """The innermost of *others* that *path* lies in, or an empty string."""
    around = [other for other in others if other != path and path.startswith(other.rstrip("/") + "/")]
    return max(around, key=len, default="")
