"""What the target will say to an image, asked here before the first byte is sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from oslo_utils.imageutils import format_inspector

from app.context import Context, Finding
from app.disk import safety
from app.disk.info import Info, inspect
from app.errors import JobError
from app.targets import Target
from app.units import size

GIB = 1 << 30
_SAFE_TO_MIX = {"raw": {"gpt", "raw", "iso"}, "vhd": {"vhd"}}  # what oslo.utils calls a raw disk with a partition table


def check(path: Path, format_: str, target: Target, ctx: Context, *, system: bool = True) -> list[Finding]:
    """Everything that *target* would object to about the image *path* of the kind *format_*; reads only.

    *system*: a machine is to start from it; a data disk needs no partition table.

    The rules are those of the target's profile, and of OpenStack's own inspector for every target: what it refuses
    is damaged, hides something, or is read differently by different programs.
    """
    try:
        info = inspect(path, ctx, expected=format_)
    except JobError as exc:
        return [Finding("stop", exc.message, exc.means, exc.remedy, exc.topic)]
    return [*_profile(info, target), *_inspector(info), *(_layout(info, target) if system else ())]


def firmware_for(info: Info, target: Target) -> str:
    """The firmware to start *info* with: the target's, else the one that the disk is made for."""
    if target.firmware != "auto":
        return target.firmware
    return "uefi" if info.firmware == "uefi" else "bios"


def source_findings(info: Info, target: Target, *, system: bool = True) -> list[Finding]:
    """What can be said about a source before it is converted: its size and how it is divided."""
    return [*_sizes(info, target), *(_layout(info, target) if system else ())]


def _profile(info: Info, target: Target) -> Iterator[Finding]:
    if info.format not in target.formats:
        wanted = ", ".join(f.upper() for f in target.formats)
        yield _stop(
            f"{target.title} does not take {info.format.upper()} files.", f"Convert it to one of: {wanted}.", "format"
        )
    if not info.flat:
        yield _stop("The image holds snapshots or features that other programs do not know.", "Convert it.", "format")
    if info.format == "vmdk" and info.detail not in (target.vmdk, "streamOptimized"):
        yield _stop(f"The VMDK is of the kind {info.detail}; {target.vmdk} is wanted.", "Convert it.", "format")
    if info.format == "vhd" and info.detail == "fixed":
        yield _stop(
            "A fixed VHD looks like a raw disk to most clouds and is refused or read wrongly.",
            "Convert it to a dynamic VHD, or to another format.",
            "format",
        )
    yield from _sizes(info, target)


def _sizes(info: Info, target: Target) -> Iterator[Finding]:
    if target.max_size and info.virtual_size > target.max_size:
        yield _stop(
            f"The disk has {size(info.virtual_size)}; {target.title} takes {size(target.max_size)} at the most.",
            "Choose another target, or make the disk smaller on the machine it comes from.",
            "size",
        )
    if target.max_file and info.size > target.max_file:
        yield _stop(
            f"The file has {size(info.size)}; {target.title} takes {size(target.max_file)} at the most.",
            "Choose a format that compresses (QCOW2).",
            "size",
        )
    if target.gib_aligned and info.virtual_size % GIB:
        whole = -(-info.virtual_size // GIB)
        yield Finding(
            "care",
            f"The disk is {info.virtual_size / GIB:.2f} GiB: there it needs a disk of {whole} GiB.",
            topic="size",
        )


def _inspector(info: Info) -> Iterator[Finding]:
    """OpenStack Glance's own refusals (415), word for word its reasons, before anything is sent."""
    if info.format == "vhd" and info.detail == "fixed":
        return  # said above, in better words
    found = safety.inspected(info.path)
    names = {str(i) for i in found}
    if names - _SAFE_TO_MIX.get(info.format, {info.format}):
        kinds = " and ".join(sorted(names))
        yield _stop(
            f"The file can be read as {kinds}: something may be hidden in it, and clouds refuse it.",
            "Find out where it was mixed up; do not use it before.",
            "unsafe-image",
        )
        return
    for inspector in found:
        try:
            inspector.safety_check()
        except format_inspector.SafetyCheckFailed as exc:
            why = safety.REFUSED.get(next(iter(exc.failures)), "is refused by OpenStack's inspector")
            yield _stop(f"The image {why}.", safety.REMEDY, "unsafe-image")
        except format_inspector.ImageFormatError:
            yield _stop("The image's header is damaged.", "Fetch or convert it again.", "damaged")


def _layout(info: Info, target: Target) -> Iterator[Finding]:
    if info.end > info.virtual_size:
        yield _stop(
            f"The disk has {size(info.virtual_size)}, but its partitions go on to {size(info.end)}: the end is lost.",
            "Fetch or copy it again from where it comes from, and compare the lengths.",
            "damaged",
        )
    if info.table in target.tables:
        kind = {"mbr": "MBR", "gpt": "GPT"}.get(info.table, "no partition table")
        parts = f"{kind}, {info.partitions} partition{'s' * (info.partitions != 1)}"
        yield Finding("ok", f"One disk, {size(info.virtual_size)}, {parts}.")
    elif info.table != "none":
        yield _stop(f"{target.title} does not start disks with a {info.table.upper()} table.", "Choose another target.")
    elif info.filesystem:
        yield _stop(
            f"This is a single {info.filesystem} file system, not a whole disk: it has no boot loader.",
            "Export the whole disk of the machine, not one of its partitions.",
            "partition",
        )
    else:
        yield _stop(
            "There is no partition table on this disk, so no machine can start from it.",
            "Choose the machine's system disk (not a data disk), or fetch it again.",
            "partition",
        )
    if target.firmware != "auto" and info.firmware not in (target.firmware, "both", "unknown"):
        yield _stop(
            f"The disk starts with {info.firmware.upper()} firmware; {target.title} has {target.firmware.upper()}.",
            "Choose another target, or add the other boot loader on the machine.",
            "firmware",
        )


def _stop(title: str, remedy: str, topic: str = "gate") -> Finding:
    return Finding("stop", title, "Nothing was sent.", remedy, topic)
