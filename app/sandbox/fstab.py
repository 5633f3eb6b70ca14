"""The table of file systems, /etc/fstab (fstab(5)): take the lines of a mount out and leave the rest alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType

from app.sandbox.mounts import decode

DEVICE_NAMES = ("/dev/sd", "/dev/vd", "/dev/xvd", "/dev/hd", "/dev/nvme")


def entries(text: bytes) -> list[tuple[int, list[str]]]:
    """Each line that mounts something: its number from 0, and its fields as they are written."""
    found = []
    for number, line in enumerate(text.decode("utf-8", "surrogateescape").split("\n")):
        fields = line.replace("\t", " ").split()
        if len(fields) >= 2 and not fields[0].startswith("#"):
            found.append((number, fields))
    return found


def mask(text: bytes, mounts: Collection[str], mark: str, places: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """*text* with the lines that mount one of *mounts* commented out by *mark*; all other bytes stay as they are.

    *places*: mount point as it is written → where it really leads, for those that lead over a link.
    """
    gone = {number for number, fields in entries(text) if {_place(fields), places.get(fields[1])} & {*mounts}}
    return b"\n".join(mark.encode() + line if number in gone else line for number, line in enumerate(text.split(b"\n")))


def mark_of(job_id: str) -> str:
    """What is put before a line that an export takes out; resources/sandbox/restore.sh knows the same."""
    return f"#sandhopper-{job_id}# "


def by_device_name(text: bytes) -> list[tuple[str, str]]:
    """The (device, mount point) of lines that name a disk by its place, which is another one elsewhere."""
    return [(f[0], decode(f[1])) for _, f in entries(text) if f[0].startswith(DEVICE_NAMES)]


def mounted_by(text: bytes, path: str, places: Mapping[str, str] = MappingProxyType({})) -> bool:
    """Whether a line mounts *path*."""
    return any(path in (_place(fields), places.get(fields[1])) for _, fields in entries(text))


def _place(fields: list[str]) -> str:
    place = decode(fields[1])
    while "//" in place:
        place = place.replace("//", "/")
    return place.rstrip("/") or "/"
