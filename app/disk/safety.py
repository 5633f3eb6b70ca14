"""Refuse an image that points outside of itself, before QEMU opens whatever it points at.

A guest can write any header into its own disk. `backing file: /etc/shadow` in a QCOW2, an extent or a parent in a
VMDK would make QEMU read that file of this computer into the export (CVE-2024-32498 is this, in OpenStack).
The OpenStack project's own inspector (oslo.utils) looks first; what it leaves out is looked for here.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, cast

from oslo_utils.imageutils import format_inspector

from app.disk.formats import UNTOUCHED, opened
from app.errors import JobError
from app.units import plain

BLOCK = 1 << 16
HEAD, LIMIT, TAIL = 2 << 20, 64 << 20, 1536  # headers lie within 2 MiB (VHDX: 64); a streamed VMDK's footer is last
REFUSED = {
    "backing_file": "needs a second file (a backing file) that is not part of it",
    "data_file": "keeps its data in a second file that is not part of it",
    "unknown_features": "uses features that other programs do not know",
    "descriptor": "describes pieces that lie in other files",
    "footer": "is not whole: its end is missing or damaged",
    "mbr": "has a damaged partition table",
}
CUT = "is not whole: its end is missing"
REMEDY = "Make a whole copy where it comes from, for example with: qemu-img convert -O qcow2 OLD NEW.qcow2"


def inspected(path: Path) -> list[Any]:
    """The inspectors of oslo.utils that recognise the file: none but `raw`, one, or several (which is suspicious)."""
    wrapper = format_inspector.InspectWrapper(cast("IO[bytes]", _Ends(path)))
    while wrapper.read(BLOCK):
        pass
    wrapper.close()
    return list(wrapper.formats or [])


def check(path: Path, format_: str) -> None:
    """Raise `JobError` if the image at *path* (of the kind *format_*) points outside of itself or is encrypted."""
    with opened(path) as file:
        head = file.read(1 << 20)
        file.seek(max(0, file.seek(0, io.SEEK_END) - 512))
        tail = file.read(512)
        length = file.tell()
    if (own := _OWN.get(format_)) and (why := own(head, tail, length)):
        raise refusal(path, why)
    if format_ in ("qcow2", "vmdk"):
        _check_with_oslo(path, format_)


def refusal(path: Path, why: str) -> JobError:
    """The error for an image that must not be opened."""
    return JobError(f"{plain(path.name)} {why}, so it is not used.", REMEDY, means=UNTOUCHED, topic="unsafe-image")


def _check_with_oslo(path: Path, format_: str) -> None:
    found = next((i for i in inspected(path) if str(i) == format_), None)
    if found is None:
        raise refusal(path, "has a damaged header")
    try:
        found.safety_check()
    except format_inspector.SafetyCheckFailed as exc:
        raise refusal(path, REFUSED.get(next(iter(exc.failures)), "is not safe to open")) from exc
    except format_inspector.ImageFormatError as exc:
        raise refusal(path, "has a damaged header") from exc


def _qcow2(head: bytes, _tail: bytes, _length: int) -> str:
    if len(head) < 72:
        return "has a damaged header"
    version, crypt = struct.unpack_from(">I", head, 4)[0], struct.unpack_from(">I", head, 32)[0]
    if version not in (2, 3):
        return "is of a QCOW version that is no longer read"
    return "is encrypted" if crypt else ""


def _vmdk(head: bytes, _tail: bytes, _length: int) -> str:
    """One embedded piece, no parent: oslo.utils lets a parent and an extent without a slash pass."""
    if len(head) < 1024:
        return "has a damaged header"
    if not struct.unpack_from("<Q", head, 12)[0]:  # capacity 0: the descriptor's extents are opened instead
        return REFUSED["descriptor"]
    start, length = struct.unpack_from("<QQ", head, 28)
    text = head[start * 512 : (start + length) * 512].split(b"\0")[0].decode("ascii", "replace").lower()
    parent = re.search(r"parentcid\s*=\s*(\w+)", text)
    if "parentfilenamehint" in text or (parent and parent[1] != "ffffffff"):
        return REFUSED["backing_file"]
    extents = re.findall(r"^\s*(?:rw|rdonly|noaccess)\s+\d+\s+(\w+)", text, re.MULTILINE)
    return "" if extents == ["sparse"] else REFUSED["descriptor"]


def _vhd(head: bytes, tail: bytes, _length: int) -> str:
    footer = head[:512] if head.startswith(b"conectix") else tail
    kind = struct.unpack_from(">I", footer.ljust(64, b"\0"), 60)[0]
    if kind == 3 and not tail.startswith(b"conectix"):
        return CUT
    return {2: "", 3: "", 4: REFUSED["backing_file"]}.get(kind, "has a damaged header")


def _vdi(head: bytes, _tail: bytes, length: int) -> str:
    if len(head) < 0x188:
        return "has a damaged header"
    kind, data, block, used = (struct.unpack_from("<I", head, at)[0] for at in (0x4C, 0x158, 0x178, 0x184))
    if data + block * used > length:  # QEMU would read the lost end as zeros
        return CUT
    return {1: "", 2: ""}.get(kind, REFUSED["backing_file"])


_OWN: dict[str, Callable[[bytes, bytes, int], str]] = {"qcow2": _qcow2, "vmdk": _vmdk, "vhd": _vhd, "vdi": _vdi}


class _Ends:
    """The first bytes of a file as far as a header may reach, and its very last ones: all that inspectors look at."""

    def __init__(self, path: Path) -> None:
        self._file = opened(path)
        self._tail = max(0, path.stat().st_size - TAIL)
        self._limit = LIMIT if self._file.read(8) == b"vhdxfile" else HEAD
        self._file.seek(0)

    def read(self, size: int) -> bytes:
        """The next piece, b"" at the end."""
        if self._limit <= self._file.tell() < self._tail:
            self._file.seek(self._tail)
        return self._file.read(size)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
