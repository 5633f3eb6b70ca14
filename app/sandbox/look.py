"""What was seen on a sandbox: the answer of resources/sandbox/look.sh, read."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.context import Finding
from app.errors import JobError
from app.sandbox.disks import Disk
from app.sandbox.mounts import Line, Mount, data_mounts, decode, lines_of


@dataclass(frozen=True)
class Secret:
    """Something on the sandbox that opens a door somewhere, or tells more than its owner may want to share.

    *kind* is one of the kinds in `app/sandbox/secrets.py`; *owner* is `uid:name`, *size* in bytes.
    *mount* is the data mount that it lies on, or `/`.
    """

    path: str
    kind: str
    owner: str = ""
    size: int = 0
    mount: str = "/"


@dataclass(frozen=True)
class Root:
    """What the root file system lies on; empty where it was not told.

    *layers*: what is below it, the uppermost first, as the kernel names it (`LVM-… name`, `md raid1`, `partition 2`).
    *table* of its disk: `gpt`, `mbr` or `none`. *number*: its partition, or 0. *parts*: number and end of each
    partition of the disk, in sectors of 512 bytes.
    """

    fstype: str = ""
    layers: tuple[str, ...] = ()
    table: str = ""
    number: int = 0
    parts: tuple[tuple[int, int], ...] = ()

    @property
    def end(self) -> int:
        """Where its partition ends."""
        return next((end for number, end in self.parts if number == self.number), 0)


@dataclass(frozen=True)
class Look:
    """What a sandbox is and has.

    *root_free* and *root_used* are in bytes. *journal* is the id of the export that has it prepared now, or empty.
    """

    os: str
    kernel: str
    hostname: str
    mounts: tuple[Mount, ...] = ()
    root_free: int = 0
    root_free_inodes: int = 0
    root_used: int = 0
    findings: tuple[Finding, ...] = ()
    journal: str = ""
    architecture: str = ""
    secrets: tuple[Secret, ...] = ()
    disks: tuple[Disk, ...] = ()
    root: Root = Root()

    def as_json(self) -> dict[str, Any]:
        """The look as plain data."""
        return asdict(self)


@dataclass(frozen=True)
class Seen:
    """The parts of the answer, decoded but not judged."""

    parts: dict[str, bytes]

    @classmethod
    def read(cls, answer: bytes, mark: str) -> Seen:
        """Cut the answer of look.sh at its marks; `JobError` when it is not whole."""
        pieces = re.split(rb"\n" + re.escape(mark.encode()) + rb" (\w+)\n", answer)
        parts: dict[str, bytes] = {}
        for name, content in zip(pieces[1::2], pieces[2::2], strict=True):
            parts[name.decode()] = b"\n".join([parts[name.decode()], content] if name.decode() in parts else [content])
        if not answer.rstrip(b"\n").endswith(f"{mark} end".encode()):
            raise JobError(
                "The sandbox did not answer as a Linux machine does.",
                "Check that this login has an ordinary shell there (not a menu, not SFTP only).",
                topic="sandbox",
            )
        return cls(parts)

    def raw(self, name: str) -> bytes:
        """A part as it came."""
        return self.parts.get(name, b"")

    def text(self, name: str) -> str:
        """A part as text, without blanks around it."""
        return self.raw(name).decode("utf-8", "backslashreplace").strip()

    def words(self, name: str) -> list[str]:
        """The lines of a part that are not empty."""
        return [line for line in self.text(name).splitlines() if line]

    def has(self, name: str) -> bool:
        """Whether this part was looked at: what was not seen is another thing than what is not there."""
        return name in self.parts

    def filed(self, name: str) -> list[tuple[str, str]]:
        """The lines of a part with the file that each stands in."""
        found = (line.partition(":") for line in self.words(name))
        return [(file, line.rstrip()) for file, colon, line in found if colon]

    @property
    def late(self) -> list[str]:
        """What was given up because it took too long."""
        return self.words("late")

    @property
    def named(self) -> dict[str, str]:
        """The fields of os-release(5)."""
        return dict(re.findall(r'^(\w+)=["\']?(.*?)["\']?$', self.text("os"), re.MULTILINE))

    @property
    def os(self) -> str:
        """The system in its own words, or empty when it does not say."""
        named = self.named
        return named.get("PRETTY_NAME") or named.get("NAME") or next(iter(self.words("release")), "")

    @property
    def lines(self) -> list[Line]:
        """The lines of mountinfo."""
        return lines_of(self.raw("mountinfo").decode("utf-8", "surrogateescape"))

    @property
    def space(self) -> dict[str, list[int]]:
        """Escaped mount point → block size, blocks, free, available, inodes, free inodes (statfs(2))."""
        found = (line.split(" ") for line in self.words("space"))
        return {f[0]: [int(n) for n in f[1:7]] for f in found if len(f) >= 7 and all(n.isdigit() for n in f[1:7])}

    def mounts(self) -> list[Mount]:
        """The data mounts."""
        disks = {f[0]: frozenset(f[1:]) for f in (line.split() for line in self.words("disks")) if f}
        owners = {line.split(" ")[0]: line.split(" ")[-1] for line in self.words("space")}
        space = {p: (s[0] * s[1], s[0] * (s[1] - s[2]), s[4] - s[5], owners[p]) for p, s in self.space.items()}
        found = data_mounts(self.lines, disks, space, self.words("hidden"))
        parted = {decode(escaped) for escaped in self.words("subvolumes")}
        return [replace(mount, why_not=mount.why_not or self._why_not(mount.path, parted)) for mount in found]

    @property
    def root(self) -> Root:
        """What the root file system lies on."""
        below, told = self.words("below_root"), self.words("root_disk")
        fields = [line.split() for line in told if re.fullmatch(r"partition \d+ \d+", line)]
        number = next((int(line.split()[1]) for line in below if re.fullmatch(r"partition \d+", line)), 0)
        return Root(
            next((line.fstype for line in reversed(self.lines) if line.path == "/"), ""),
            tuple(below),
            next((line for line in told if line in ("gpt", "mbr", "none")), ""),
            number,
            tuple((int(number), int(end)) for _, number, end in fields),
        )

    @property
    def places(self) -> dict[str, str]:
        """Mount point as fstab writes it → where it really leads, for those that lead over a link."""
        found = (line.partition(" ") for line in self.words("places"))
        return {written: real for written, _, real in found if real}

    def _why_not(self, path: str, parted: set[str]) -> str:
        """What the list of mounts alone does not tell."""
        if path in parted:
            return "it has btrfs subvolumes in it, which would not be copied"
        return ""

    def by_unit(self, path: str) -> bool:
        """Whether a unit that somebody has written mounts *path*."""
        return any(place == path for _, place in self._units())

    def _units(self) -> list[tuple[str, str]]:
        """The systemd units (systemd.mount(5)) that mount something, and where."""
        found = (line.partition(":Where=") for line in self.words("units"))
        return [(file, place.strip().strip('"').rstrip("/")) for file, _, place in found]
