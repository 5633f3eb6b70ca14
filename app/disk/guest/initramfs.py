"""The start-up image (initramfs) of every kernel, with the drivers of other places, by the guest's own tools."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.disk.guest.change import Change
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused
from app.disk.guest.system import System
from app.units import size

BUSES = {  # what the target's disk controller needs: kernel modules; the first set that is all there is enough
    "virtio": ("virtio_pci", "virtio_blk"),
    "scsi": ("virtio_pci", "virtio_scsi", "sd_mod"),
    "sata": ("ahci", "sd_mod"),
    "ide": ("ata_piix", "sd_mod"),
    "nvme": ("nvme",),
}
DRIVERS = (
    "virtio_pci", "virtio_blk", "virtio_scsi", "virtio_net", "ahci", "ata_piix", "ata_generic", "sd_mod", "nvme",
    "vmw_pvscsi", "mptspi", "xen_blkfront", "hv_storvsc",
)  # fmt: skip
IMAGES = ("initrd.img-{}", "initramfs-{}.img", "initrd-{}", "initramfs-{}")
ROOM = 40 << 20  # bytes besides the size of the old image


def present(listing: str, builtin: str) -> set[str]:
    """The modules that a start-up image's *listing* of files has, and those that are part of the kernel itself."""
    found = re.findall(r"([\w-]+)\.ko(?:\.\w+)?\s*$", listing, re.MULTILINE)
    found += re.findall(r"([\w-]+)\.ko\s*$", builtin, re.MULTILINE)
    return {name.replace("-", "_") for name in found}


def with_drivers(guest: Guest, system: System, bus: str) -> Iterator[Change]:
    """Make each kernel's image anew where the driver of the target's *bus* is missing; the old one is kept."""
    if system.arch not in ("x86_64", "i386"):
        return
    for version in system.kernels:
        image = next((f for name in IMAGES if (f := guest.file(f"/boot/{name.format(version)}"))), "")
        if not image:
            continue
        listing = _listing(guest, image, version)
        if not listing:
            yield Change("virtio", f"The drivers in {image} could not be listed.", grade="care")
            continue
        have = present(listing, guest.text(f"/lib/modules/{version}/modules.builtin"))
        missing = [name for name in BUSES.get(bus, ()) if name not in have]
        if missing:
            yield from _made_anew(guest, image, version, missing)


def _listing(guest: Guest, image: str, version: str) -> str:
    """What the guest's own tool says is in the image."""
    for tool in ("lsinitramfs", "lsinitrd"):
        status, said = guest.sh(f"command -v {tool} >/dev/null && {tool} {_word(image)}")
        if ".ko" in said or (status == 0 and said.count("\n") > 20):
            return said  # a damaged end is no reason not to see what is missing; some images have no module at all
    return ""


def _made_anew(guest: Guest, image: str, version: str, missing: list[str]) -> Iterator[Change]:
    old = guest.lstat(image)
    folder = image.rpartition("/")[0]
    free = guest.table("statvfs", folder)
    room, need = int(free["bsize"]) * int(free["bavail"]), (old.size if old else 0) * 2 + ROOM
    wanted = _available(guest, version)
    if lost := [name for name in missing if name not in wanted]:
        yield Change("virtio", f"The kernel {version} itself has no driver {', '.join(lost)}.", grade="care")
        return
    if room < need:
        text = f"There is no room in {folder} for a new start-up image: {size(need)} are needed, {size(room)} are free."
        yield Change("virtio", text, grade="care")
        return
    kept = guest.aside(image)
    status, said = _run(guest, image, version, wanted)
    have = present(_listing(guest, image, version), guest.text(f"/lib/modules/{version}/modules.builtin"))
    if status or [name for name in missing if name not in have]:
        guest.call("mv", kept, image)
        yield Change("virtio", f"The start-up image of {version} could not be made anew.", said[-600:], grade="care")
        return
    title = f"The start-up image of {version} now has the drivers {', '.join(missing)}; the old one is kept as {kept}."
    yield Change("virtio", title, f"without {', '.join(missing)}", f"with {', '.join(wanted)}")


def _available(guest: Guest, version: str) -> list[str]:
    """Those of our drivers that the kernel has as modules."""
    known = guest.read(f"/lib/modules/{version}/modules.dep", 32 << 20).decode(errors="replace")
    names = {name.replace("-", "_") for name in re.findall(r"([\w-]+)\.ko(?:\.\w+)?:", known)}
    return [name for name in DRIVERS if name in names]


def _run(guest: Guest, image: str, version: str, drivers: list[str]) -> tuple[int, str]:
    names = " ".join(drivers)
    if guest.file("/usr/sbin/update-initramfs"):
        listed = "/etc/initramfs-tools/modules"
        text = guest.text(listed)
        more = [name for name in drivers if not re.search(rf"^{name}\b", text, re.MULTILINE)]
        guest.write(listed, f"{text.rstrip()}\n{chr(10).join(more)}\n".lstrip("\n"))
        return guest.sh(f"{_SETTLED}update-initramfs -u -k {_word(version)}")
    if any(guest.file(f"{path}/dracut") for path in ("/usr/bin", "/sbin", "/usr/sbin", "/bin")):
        guest.folder("/etc/dracut.conf.d")
        guest.write("/etc/dracut.conf.d/sandhopper.conf", f'add_drivers+=" {names} "\n')
        wide = "wide=; if dracut --help 2>&1 | grep -q -e --no-hostonly; then wide=--no-hostonly; fi; "
        return guest.sh(f'{wide}dracut -f $wide --add-drivers "{names}" {_word(image)} {_word(version)}')
    if guest.file("/sbin/mkinitfs") or guest.file("/usr/sbin/mkinitfs"):
        return guest.sh(f"mkinitfs -o {_word(image)} {_word(version)}")
    raise Refused("no program was found in the copy that makes start-up images (update-initramfs, dracut).")


# MODULES=dep asks which disk the machine has now, and that is the one of our small machine; the last file counts
_SETTLED = (
    "f=/etc/initramfs-tools/conf.d/zz-sandhopper-now; if grep -rqs '^MODULES=dep' /etc/initramfs-tools; then "
    "echo MODULES=most > $f; trap 'rm -f /etc/initramfs-tools/conf.d/zz-sandhopper-now' EXIT; fi; "
)


def _word(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
