"""The small files on a sandbox that must be another way in the copy, where a merged disk is missing.

Lines that are taken out get our mark before them; lines that are added stand between our marks `begin` and `end`.
The shell that takes both out again is `unmarked` in resources/sandbox/edits.sh.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from app.errors import JobError
from app.sandbox import fstab
from app.sandbox.look import Seen
from app.sandbox.mounts import Line, decode

_NEEDS_DISK = re.compile(rb"\s*(Requires|Requisite|BindsTo|Wants|After|PartOf)\s*=.*(dev-|cryptsetup)")
_HOW_TO_MOUNT = re.compile(rb"\s*(What|Type|Options)\s*=")
# systemd.unit(5): a unit whose condition fails is passed over, and whatever needs it starts all the same
_SLEEPS = b"[Unit]\nConditionPathExists=!/\n"
_NO_DISK = b"[Mount]\nWhat=none\nType=tmpfs\n"  # without a device in it, nobody waits for one


@dataclass(frozen=True)
class Edit:
    """A file as it is (*before*) and as it will be in the copy (*after*)."""

    path: str
    before: bytes
    after: bytes


def edits(seen: Seen, mounts: Collection[str], job_id: str) -> list[Edit]:
    """What has to change for the copy to start without the disks of *mounts*; /etc/fstab always comes first."""
    mark = fstab.mark_of(job_id)
    found = [_fstab(seen, mounts, mark), *_crypttab(seen, mounts, mark), *_units(seen, mounts, mark)]
    for edit in found:
        if b"\0" in edit.before:
            raise JobError(f"The sandbox's {edit.path} is damaged (it has zero bytes).", "Repair it, then try again.")
    return [found[0], *(edit for edit in found[1:] if edit.after != edit.before)]


def _fstab(seen: Seen, mounts: Collection[str], mark: str) -> Edit:
    table = seen.raw("fstab")
    after = fstab.mask(table, mounts, mark, seen.places)
    again = list(_mounted_again(seen, mounts))
    after = fstab.mask(after, [place for place, _, _ in again], mark, seen.places)
    lines = [f"{encoded(first)} {field} none bind{how} 0 0\n".encode("utf-8", "surrogateescape")
             for _, field, (first, how) in again]  # fmt: skip
    return Edit("/etc/fstab", table, _with(after, b"".join(lines), mark))


def _mounted_again(seen: Seen, mounts: Collection[str]) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Lines that mount a merged disk at a second place: in the copy that place shows the merged folder."""
    at = {line.path: line for line in seen.lines}
    merged = {(at[path].number, at[path].root): path for path in sorted(mounts, reverse=True) if path in at}
    for _, fields in fstab.entries(seen.raw("fstab")):
        place = seen.places.get(fields[1], decode(fields[1]).rstrip("/"))
        line, options = at.get(place), fields[3].split(",") if len(fields) > 3 else []
        first = merged.get((line.number, line.root), "") if line else ""
        if not first or place in mounts or {"bind", "rbind"} & {*options}:
            continue
        yield place, fields[1], (first, "".join(f",{o}" for o in options if o in ("ro", "noauto", "nofail")))


def _crypttab(seen: Seen, mounts: Collection[str], mark: str) -> Iterator[Edit]:
    """crypttab(5): the line that opens an encrypted disk on which nothing but merged mounts lies."""
    table = seen.raw("crypttab")
    lines = [line for line in seen.lines if line.source.startswith("/dev/mapper/")]
    left = {line.source for line in lines if line.path not in mounts and not _same(line, lines, mounts)}
    gone = {PurePosixPath(line.source).name for line in lines if line.path in mounts and line.source not in left}

    def cut(line: bytes) -> bytes:
        name = line.split()[:1]
        return mark.encode() + line if name and name[0].decode("utf-8", "surrogateescape") in gone else line

    yield Edit("/etc/crypttab", table, b"\n".join(cut(line) for line in table.split(b"\n")))


def _same(line: Line, lines: Sequence[Line], mounts: Collection[str]) -> bool:
    return any(other.path in mounts and (other.number, other.root) == (line.number, line.root) for other in lines)


def _units(seen: Seen, mounts: Collection[str], mark: str) -> Iterator[Edit]:
    """systemd.mount(5), systemd.automount(5): the units of merged mounts, and what was added to them in a folder .d."""
    files = dict(part.split(b"\n", 1) for name, part in seen.parts.items() if re.fullmatch(r"unit\d+", name))
    named = {path.decode("utf-8", "surrogateescape"): text for path, text in files.items()}
    ours = {PurePosixPath(path).name for path, text in named.items() if where(text) in mounts}
    for path, text in named.items():
        file = PurePosixPath(path)
        if file.name in ours:
            added = _SLEEPS + (_NO_DISK if path.endswith(".mount") else b"")
            yield Edit(path, text, _with(_without_disk(text, mark), added, mark))
        elif file.parent.name.removesuffix(".d") in ours:
            yield Edit(path, text, _without_disk(text, mark))


def where(unit: bytes) -> str:
    """The place that a unit of systemd mounts, or an empty string."""
    found = re.findall(rb"^\s*Where\s*=\s*(.+?)\s*$", unit, re.MULTILINE)
    place = found[-1].strip(b'"').decode("utf-8", "surrogateescape") if found else ""
    return re.sub("/+", "/", place).rstrip("/") or place


def _without_disk(unit: bytes, mark: str) -> bytes:
    lines, going = [], False
    for line in unit.split(b"\n"):
        gone = going or bool(_HOW_TO_MOUNT.match(line) or _NEEDS_DISK.match(line))
        going = gone and line.endswith(b"\\")
        lines.append(mark.encode() + line if gone else line)
    return b"\n".join(lines)


def _with(text: bytes, lines: bytes, mark: str) -> bytes:
    """*text* and our *lines* below it."""
    if not lines:
        return text
    end = b"" if text.endswith(b"\n") or not text else b"\n"
    return b"%s%s%sbegin\n%s%send\n" % (text, end, mark.encode(), lines, mark.encode())


def encoded(path: str) -> str:
    """*path* as a field of fstab(5)."""
    return path.replace("\\", r"\134").replace(" ", r"\040").replace("\t", r"\011").replace("\n", r"\012")
