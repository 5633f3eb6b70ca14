"""How the copy starts: kernels and their drivers, boot loader, firmware, and how the root file system is named."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.context import Finding
from app.sandbox.findings.kernels import Kernel, kernels
from app.sandbox.findings.words import some
from app.sandbox.fstab import DEVICE_NAMES
from app.sandbox.look import Seen

LOADERS = {
    "grub2": "GRUB", "grub1": "GRUB Legacy", "extlinux": "EXTLINUX", "systemd-boot": "systemd-boot", "lilo": "LILO",
    "uki": "a unified kernel image",
}  # fmt: skip
_NAMED = re.compile(r"\b(root|resume)=(\S+)")


def findings(seen: Seen) -> Iterator[Finding]:
    """Drivers, loader, names, firmware."""
    yield from _drivers(seen)
    yield from _names(seen)
    yield from _loader(seen)
    yield from _firmware(seen)


def _drivers(seen: Seen) -> Iterator[Finding]:
    if seen.text("virtio") == "yes":  # told as one word by the practice machine
        yield Finding("ok", "The sandbox's start-up image has the drivers of today's clouds (virtio).")
        return
    known = kernels(seen.words("kernels"))
    told = [kernel for kernel in known if kernel.virtio is not None]
    lacking = [kernel for kernel in told if not kernel.virtio]
    facts = {"kernels": [kernel.as_json() for kernel in known]}
    if any(kernel.xen_only for kernel in known):
        title = "A kernel of the sandbox runs on Xen only."
        text = "OpenStack, VMware and VirtualBox cannot start it."
        yield Finding("stop", title, text, "Install an ordinary kernel on the sandbox first.", "xen", facts)
    if lacking:
        yield Finding(
            "care",
            f"{_whose(lacking, known)} the drivers of today's clouds (virtio).",
            "The copy may not find its disk on OpenStack or QEMU.",
            "They are added in the copy; otherwise choose a target with SATA or IDE disks.",
            "virtio",
            facts,
            "virtio",
        )
    elif told:
        title = f"The start-up image of {_every(len(told))} has the drivers of today's clouds (virtio)."
        yield Finding("ok", title, facts=facts)
    if len(told) < len(known) or not known:
        which = f" of {some([kernel.version for kernel in known if kernel.virtio is None])}" if known else ""
        text = "It is packed in a way that cannot be read there, or it lies elsewhere. The test start shows it."
        title = f"It could not be seen whether the start-up image{which} has virtio drivers."
        yield Finding("care", title, text, topic="virtio", facts=facts)


def _every(number: int) -> str:
    return "the kernel" if number == 1 else f"each of the {number} kernels"


def _whose(lacking: list[Kernel], known: list[Kernel]) -> str:
    if len(known) == 1:
        return "The sandbox's start-up image lacks"
    return f"The start-up image of {some([kernel.version for kernel in lacking])} lacks"


def _names(seen: Seen) -> Iterator[Finding]:
    """Root and resume in the running command line, in every menu entry, and in what makes new entries."""
    lines = [("the running system", seen.text("cmdline")), *seen.filed("entries"), *seen.filed("boot_options")]
    named: dict[str, list[str]] = {}
    for file, line in lines:
        for kind, device in _NAMED.findall(line):
            if device.strip("\"'").startswith(DEVICE_NAMES):
                named.setdefault(f"{kind}={device.strip(chr(34) + chr(39))}", []).append(file)
    if roots := {name: files for name, files in named.items() if name.startswith("root=")}:
        yield Finding(
            "care",
            f"The boot loader names the system's disk by its place ({some(list(roots))}).",
            f"Elsewhere that name may belong to another disk, and the copy would not start. "
            f"It stands in {some([file for files in roots.values() for file in files])}.",
            "It is named by its UUID in the copy.",
            "device-names",
            {"names": {name: sorted(set(files)) for name, files in named.items()}},
            "device-names",
        )
    elif named:
        text = "It is looked for when the copy starts; that may take a minute and a half."
        title = f"The system wakes up from a swap disk named by its place ({some(list(named))})."
        yield Finding("care", title, text, "", "device-names", {"names": named}, "device-names")


def _loader(seen: Seen) -> Iterator[Finding]:
    if not seen.has("loaders"):
        return
    kinds = list(dict.fromkeys(line.split(" ")[0] for line in seen.words("loaders")))
    known = [LOADERS[kind] for kind in kinds if kind in LOADERS]
    facts = {"loaders": seen.words("loaders")}
    if not known:
        title = "No boot loader that this program knows was seen on the sandbox."
        text = "It may be started by its cloud from outside (by a kernel that is no part of the disk)."
        remedy = "Look at the test start with care; a boot loader may have to be installed first."
        yield Finding("care", title, text, remedy, "boot-loader", facts)
    elif {"grub1", "lilo"} & set(kinds) and not {"grub2", "extlinux", "systemd-boot"} & set(kinds):
        title = f"The sandbox starts by {some(known)}, which is very old."
        yield Finding(
            "care", title, "The repairs in the copy know it, but not every cloud does.", "", "boot-loader", facts
        )
    elif len([kind for kind in kinds if kind in ("grub1", "grub2")]) > 1:
        title = "Two boot loaders lie on the sandbox (GRUB and GRUB Legacy)."
        text = "AWS takes the wrong one in some cases; elsewhere the one in the disk's first sector counts."
        yield Finding("care", title, text, "Remove the one that is not used.", "boot-loader", facts)


def _firmware(seen: Seen) -> Iterator[Finding]:
    table, uefi = seen.words("root_disk"), seen.text("firmware") == "uefi"
    facts = {
        "firmware": "uefi" if uefi else "bios",
        "table": next((t for t in table if t in ("gpt", "mbr", "none")), ""),
    }
    if uefi:
        text = "The target must start machines by UEFI."
        if seen.has("loaders") and "fallback efi" not in seen.words("loaders"):
            text += " Its loader lies under a name of its own only, which another machine's memory does not know."
            yield Finding(
                "care",
                "The sandbox starts by UEFI, without a loader for any machine.",
                text,
                "Install it removable as well (grub-install --removable, or bootctl install).",
                "firmware",
                facts,
            )
        else:
            yield Finding("ok", "The sandbox starts by UEFI.", text, facts=facts)
        if seen.text("secure_boot") == "1":
            text = "The target must trust the same signatures, or have Secure Boot switched off."
            yield Finding("care", "Secure Boot is on.", text, "", "firmware", facts)
    elif "gpt" in table and "bios-boot" not in table and "GRUB" in table:
        text = "GRUB has no place of its own there; repairs of it may fail."
        title = "The disk has a modern table (GPT) but starts by BIOS, without a BIOS boot partition."
        yield Finding("care", title, text, "", "firmware", facts)
    if "none" in table and seen.words("below_root")[:1] in ([], [""]):
        title = "The system's disk has no partition table: it is one file system from its first byte."
        text = "Such a disk starts only where the cloud brings the boot loader."
        yield Finding("care", title, text, "Look at the test start with care.", "boot-loader", facts)
