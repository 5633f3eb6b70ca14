"""Convert a disk image by `qemu-img`, and prove that the result holds the same disk."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from app import host
from app.context import Context
from app.disk import qemu_img
from app.disk.formats import DRIVERS, UNTOUCHED
from app.disk.info import Info, inspect
from app.errors import JobError
from app.units import plain, size

MIB = 1 << 20
OPTIONS = {  # what every reader of the format understands; see each target's profile for its own wishes
    "raw": {},
    "qcow2": {"compat": "1.1"},
    "vmdk": {"adapter_type": "lsilogic"},
    "vdi": {},
    "vhd": {"subformat": "dynamic", "force_size": "on"},  # without force_size the disk grows to a whole cylinder
    "vhdx": {"subformat": "dynamic"},
}
MULTIPLES = {"vhd": MIB, "vhdx": MIB}  # Azure and Hyper-V take whole MiB only
SPARE = 64 * MIB  # left free for the journal, logs and the boot test's overlay


@dataclass(frozen=True)
class Forecast:
    """Bytes that a result may take here: *least* surely, *most* at the worst; *free* is there now."""

    least: int
    most: int
    free: int

    @property
    def missing(self) -> int:
        """Bytes that are missing at the worst."""
        return max(0, self.most + SPARE - self.free)


def forecast(info: Info, format_: str, folder: Path, ctx: Context, *, compress: bool = False) -> Forecast:
    """How much room the conversion of *info* needs in *folder*, from the image's own tables (nothing is read twice)."""
    told = qemu_img.ask(ctx, "measure", info.path, info.format, "-O", "qcow2")
    data = min(int(told["required"]), info.virtual_size + info.virtual_size // 1000 + MIB)
    packed = compress and format_ in ("qcow2", "vmdk")
    blocks = {"vhd": 1.2, "vdi": 1.1, "vhdx": 1.5}.get(format_, 1.0)  # big blocks waste some room
    return Forecast(int(data * (0.1 if packed else 0.3)), int(data * blocks) + MIB, host.free_space(folder))


def whole_size(virtual_size: int, format_: str, multiple: int = 0) -> int:
    """*virtual_size* rounded up to what the format and the target take (*multiple* bytes)."""
    step = max(512, multiple, MULTIPLES.get(format_, 0))
    return -(-virtual_size // step) * step


def is_packed(info: Info, ctx: Context) -> bool:
    """Whether a QCOW2 is compressed already (at least half of what it holds), or so small that it makes no odds."""
    if info.size < 16 * MIB:
        return True
    told = qemu_img.ask(ctx, "check", info.path, info.format)
    return bool(told.get("compressed-clusters", 0) * 2 >= told.get("allocated-clusters", 0))


def convert(
    info: Info | Path,
    target: Path,
    format_: str,
    ctx: Context,
    *,
    compress: bool = False,
    options: Mapping[str, str] | None = None,
    multiple: int = 0,
) -> Info:
    """Write the disk *info* to the file *target* as *format_*, compare both, and return what was made.

    The source is only read. Until the result is proven it is called `.NAME.<random>.part` beside *target*; whatever
    happens, nothing half-done is left or has the final name. *options* are QEMU's own for the format; *compress* is
    for `qcow2` only; *multiple* rounds the disk's size up (the new end reads as zeros).
    Progress is in bytes of the disk.

    Raises `FullDiskError` when the room does not suffice, `JobError` for a damaged source.
    """
    info = info if isinstance(info, Info) else inspect(info, ctx)
    if target.exists() and target.samefile(info.path):
        raise JobError("A disk cannot be converted onto itself.", "Choose another name.", means=UNTOUCHED)
    sweep(target)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    wanted = whole_size(info.virtual_size, format_, multiple)
    try:
        with _sized(info, wanted, part, ctx) as (source, driver):
            ctx.begin("convert", wanted)
            _convert(source, driver, part, format_, ctx, wanted, compress=compress, options=options or {})
        made = inspect(part, ctx, expected=format_)
        if made.virtual_size != wanted:
            raise JobError(
                f"The result has {made.virtual_size} bytes inside instead of {wanted}.",
                "Try again; choose another format if it stays so.",
            )
        compare(info, made, ctx)
        _publish(part, target)
    finally:
        part.unlink(missing_ok=True)
    return inspect(target, ctx, expected=format_)


def compare(first: Info, second: Info, ctx: Context) -> None:
    """Raise `JobError` unless both images hold the same disk; what one is longer must be zeros."""
    total = max(first.virtual_size, second.virtual_size)
    ctx.begin("compare", total)
    drivers = ("-f", DRIVERS[first.format], "-F", DRIVERS[second.format])
    files = (str(first.path), str(second.path))
    status, out, err = qemu_img.run(ctx, "compare", "-p", *drivers, *files, total=total)
    if status == 1:
        raise JobError(
            f"The converted disk differs from its source: {plain(out.splitlines()[-1] if out else 'content')}",
            "Check this computer's disk and memory, then try again.",
            means="The result was thrown away; the source is untouched.",
        )
    if status:
        raise qemu_img.trouble(first.path, err)


def sweep(target: Path) -> None:
    """Remove what an interrupted conversion to *target* left."""
    prefix = f".{target.name}."
    for old in target.parent.iterdir():
        if old.name.startswith(prefix) and old.name.endswith((".part", ".overlay")):
            old.unlink(missing_ok=True)


def _convert(
    source: Path,
    driver: str,
    part: Path,
    format_: str,
    ctx: Context,
    total: int,
    *,
    compress: bool,
    options: Mapping[str, str],
) -> None:
    chosen = {**OPTIONS[format_], **options}
    args = ["-p", "-f", driver, "-O", DRIVERS[format_], "-t", "writeback"]
    if chosen:
        args += ["-o", ",".join(f"{key}={value}" for key, value in chosen.items())]
    if format_ in ("raw", "qcow2"):  # out of order and in parallel: measured 19.7 → 11.5 s compressed; others cannot
        args += ["-W", "-m", "8"]
    if compress and format_ == "qcow2":
        args.append("-c")
    status, _, err = qemu_img.run(ctx, "convert", *args, str(source), str(part.absolute()), total=total)
    if status:
        raise _explained(source, part, err, total)


def _explained(source: Path, part: Path, err: str, total: int) -> JobError:
    why = qemu_img.trouble(source, err)
    if not isinstance(why, qemu_img.FullDiskError):
        return why
    written = part.stat().st_blocks * 512 if part.exists() and hasattr(part.stat(), "st_blocks") else 0
    return qemu_img.FullDiskError(
        f"The disk of this computer became full after {size(written)} of the result.",
        f"Free up to {size(max(total - written, 0))} more at {plain(part.parent)}, or take another folder; then go on.",
        means="The unfinished file was removed; the source is untouched.",
        topic="space",
    )


@contextlib.contextmanager
def _sized(info: Info, wanted: int, part: Path, ctx: Context) -> Iterator[tuple[Path, str]]:
    """The source as it is, or seen through an empty overlay that makes the disk *wanted* bytes long."""
    if wanted == info.virtual_size:
        yield info.path, DRIVERS[info.format]
        return
    overlay = part.with_suffix(".overlay")
    try:
        below = ("-b", str(info.path), "-F", DRIVERS[info.format])
        status, _, err = qemu_img.run(ctx, "create", "-q", "-f", "qcow2", *below, str(overlay.absolute()), str(wanted))
        if status:
            raise _explained(info.path, overlay, err, wanted)
        yield overlay, "qcow2"
    finally:
        overlay.unlink(missing_ok=True)


def _publish(part: Path, target: Path) -> None:
    """Give the proven file its name, durably."""
    with part.open("rb+") as file:
        os.fsync(file.fileno())
    part.replace(target)
    host.sync_folder(target.parent)
