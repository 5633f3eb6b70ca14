"""Repairs of how the copy names disks: its own by UUID; those that stay behind never hold up its start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from app.disk.guest import tables
from app.disk.guest.change import Change
from app.disk.guest.files import Guest
from app.disk.guest.system import System

FSTAB, CRYPTTAB = "/etc/fstab", "/etc/crypttab"
LOADERS = (
    "/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/grub/menu.lst", "/boot/grub/grub.conf", "/etc/default/grub",
    "/boot/extlinux/extlinux.conf", "/boot/extlinux.conf", "/boot/syslinux/syslinux.cfg", "/boot/grub2/grubenv",
    "/etc/kernel/cmdline", "/etc/zipl.conf", "/etc/extlinux.conf", "/etc/update-extlinux.conf",
)  # fmt: skip


def loader_files(guest: Guest) -> list[str]:
    """The real path of every file that holds kernel command lines, each once."""
    efi = [f"/boot/efi/EFI/{name}/grub.cfg" for name in guest.names("/boot/efi/EFI")]
    efi += [f"/boot/efi/EFI/{name}/grubenv" for name in guest.names("/boot/efi/EFI")]
    found = [*LOADERS, *efi, *guest.below("/boot/loader/entries", ".conf"), *guest.below("/etc/default/grub.d", ".cfg")]
    return list(dict.fromkeys(real for path in found if (real := guest.file(path))))


def by_uuid(guest: Guest, system: System, hint: str, along: Mapping[str, str]) -> Iterator[Change]:
    """Name the copy's own disks, and those that travel *along* with it, by UUID in /etc/fstab and boot loader."""
    before = guest.text(FSTAB)
    after = tables.by_uuid(before, tables.judge(before, system, hint, along))
    yield from rewritten(guest, FSTAB, before, after, "device-names", "Disks are named by their UUID")
    initrd = any(name.startswith(("initr", "initramfs")) for name in guest.names("/boot"))
    for path in loader_files(guest):
        before = guest.text(path)
        after = tables.kernel_lines(before, system, initrd=initrd)
        if path.endswith("/grub"):
            after = tables.grub_settings(after)
        if path.endswith("/grubenv"):
            after = tables.grubenv(after, before)
        yield from rewritten(guest, path, before, after, "device-names", "The boot loader finds the disk by its UUID")


def unhurried(guest: Guest, system: System, hint: str, along: Mapping[str, str]) -> Iterator[Change]:
    """Let the copy start without the disks that stay behind; those that travel *along* are waited for as before."""
    before = guest.text(FSTAB)
    after = tables.unhurried(before, tables.judge(before, system, hint, along), systemd=system.systemd)
    title = "Disks that stay behind no longer hold up the start"
    yield from rewritten(guest, FSTAB, before, after, "missing-disks", title)
    before = guest.text(CRYPTTAB)
    yield from rewritten(guest, CRYPTTAB, before, tables.crypttab(before, system), "missing-disks", title)


def rewritten(guest: Guest, path: str, before: str, after: str, fix: str, title: str) -> Iterator[Change]:
    """Write the file when it differs, and say in which lines."""
    if before == after:
        return
    guest.write(path, after)
    old, new = _differing(before, after)
    yield Change(fix, f"{title} ({path}).", old, new)


def _differing(before: str, after: str) -> tuple[str, str]:
    old, new = before.split("\n"), after.split("\n")
    gone = [line for line in old if line not in new]
    come = [line for line in new if line not in old]
    return "\n".join(gone)[:2000], "\n".join(come)[:2000]
