"""What a disk image is: its kind by content, its sizes, its partition table. Only reads."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from app.context import Context
from app.disk import formats, partitions, qemu_img, safety
from app.errors import JobError
from app.units import plain

LARGEST = 64 << 40  # bytes; a disk that claims more is a mistake or a trap


@dataclass(frozen=True)
class Info:
    """A disk image: its kind by content, and sizes in bytes.

    *size* is the file's length, *allocated* what it takes here (less where it has holes), *virtual_size* what a machine
    sees. *detail* is the sub-format (`streamOptimized`, `fixed`, `1.1`), *snapshots* how many QCOW2 holds inside,
    *flat* whether it is plain enough for any reader. *table*, *partitions*, *firmware*, *filesystem*, *end*: see
    `partitions.Layout`.
    """

    path: Path
    format: str
    size: int
    allocated: int
    virtual_size: int
    detail: str = ""
    backing: str = ""  # always empty: images that need another file are refused
    snapshots: int = 0
    flat: bool = True
    table: str = "none"
    partitions: int = 0
    firmware: str = "unknown"
    filesystem: str = ""
    end: int = 0

    def as_json(self) -> dict[str, Any]:
        """The answer of `disk info --json`."""
        return {**asdict(self), "path": str(self.path)}


def inspect(path: Path, ctx: Context, *, expected: str = "") -> Info:
    """Look at the disk image *path*; `JobError` in words if it is none, is damaged or points outside of itself.

    *expected* is the kind that someone promised (a cloud): a file whose content says something else is refused,
    because a guest may have written a header of another kind into its own disk.
    """
    path = path.absolute()
    format_ = formats.sniff(path)
    if expected and expected != format_:
        raise JobError(
            f"{plain(path.name)} should be {formats.TITLES.get(expected, expected)}, but its content is "
            f"{formats.TITLES[format_]}.",
            "Find out where it was mixed up; if the file is right, choose it as it is, as a file.",
            means=formats.UNTOUCHED,
            topic="unsafe-image",
        )
    safety.check(path, format_)
    told = qemu_img.ask(ctx, "info", path, format_)
    _check_told(path, told)
    _check_whole(path, format_, told.get("cluster-size", 0), ctx)
    layout = partitions.read_layout(first_bytes(path, format_, ctx))
    found = path.stat()
    special = told.get("format-specific", {}).get("data", {})
    snapshots = len(told.get("snapshots", ()))
    return Info(
        path,
        format_,
        size=found.st_size,
        allocated=min(found.st_size, getattr(found, "st_blocks", 1 << 62) * 512),
        virtual_size=told["virtual-size"],
        detail=_detail(path, format_, special),
        snapshots=snapshots,
        flat=not snapshots and not special.get("extended-l2", False),
        **asdict(layout),
    )


def first_bytes(path: Path, format_: str, ctx: Context, count: int = partitions.NEEDED) -> bytes:
    """The first *count* bytes that a machine would see on the disk *path*."""
    if format_ == "raw":
        with formats.opened(path) as file:
            return bytes(file.read(count))
    piece = ctx.work / f".first-bytes.{secrets.token_hex(4)}.part"
    try:
        blocks = ("bs=65536", f"count={-(-count // 65536)}")
        names = (f"if={path.absolute()}", f"of={piece.absolute()}")
        status, _, err = qemu_img.run(ctx, "dd", "-f", formats.DRIVERS[format_], "-O", "raw", *blocks, *names)
        if status:
            raise qemu_img.trouble(path, err)
        return piece.read_bytes()[:count]
    finally:
        piece.unlink(missing_ok=True)


def _check_told(path: Path, told: dict[str, Any]) -> None:
    """What QEMU itself says must agree: no other file, no encryption, a size that can be."""
    if told.get("encrypted"):
        raise safety.refusal(path, "is encrypted")
    if told.get("backing-filename") or told.get("format-specific", {}).get("data", {}).get("data-file"):
        raise safety.refusal(path, safety.REFUSED["backing_file"])
    if told.get("format-specific", {}).get("data", {}).get("corrupt"):
        raise qemu_img.trouble(path, "it is marked as corrupt by the program that wrote it last")
    if not 0 < told.get("virtual-size", 0) <= LARGEST:
        raise qemu_img.trouble(path, "Invalid size of the disk inside")


def _check_whole(path: Path, format_: str, cluster: int, ctx: Context) -> None:
    """Refuse an image whose tables are broken or point behind its end: QEMU would read the lost part as zeros."""
    if format_ not in ("qcow2", "vmdk"):
        return
    told = qemu_img.ask(ctx, "check", path, format_)
    broken = told.get("corruptions", 0) + told.get("check-errors", 0)
    if told.get("image-end-offset", 0) > path.stat().st_size + cluster:  # the last one may be short
        raise safety.refusal(path, safety.CUT)
    if broken:
        raise qemu_img.trouble(path, f"Invalid tables ({broken} mistakes)")


def _detail(path: Path, format_: str, special: dict[str, Any]) -> str:
    if format_ == "vmdk":
        return str(special.get("create-type", ""))
    if format_ == "qcow2":
        return str(special.get("compat", ""))
    if format_ == "vhd":
        with formats.opened(path) as file:
            return "dynamic" if file.read(8) == b"conectix" else "fixed"
    return ""
