"""What a look at a sandbox means for its export: findings in three grades, each with a remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.context import Finding
from app.job import Include
from app.sandbox import disks, fstab
from app.sandbox.look import Look, Seen
from app.sandbox.mounts import Mount, inside
from app.units import size

MARGIN = 100 * 1024 * 1024  # bytes that must be left besides a tenth of what is copied; merge.sh knows the same


def findings(seen: Seen, mounts: Sequence[Mount]) -> Iterator[Finding]:
    """Everything worth knowing about the machine itself."""
    yield from _system(seen)
    yield from _rights(seen)
    yield from _start(seen)
    yield from _network(seen)
    for mount in mounts:
        told = fstab.mounted_by(seen.raw("fstab"), mount.path, seen.places) or seen.by_unit(mount.path)
        if not mount.why_not and not told:
            text = "Whatever mounts it will look for its disk in the copy too."
            yield Finding("care", f"{mount.path} is not mounted by /etc/fstab.", text, topic="mounts")
        yield Finding(
            "ok", f"Data disk {mount.path}: {size(mount.used)} in {mount.files:,} files.", facts=mount.as_json()
        )


def for_job(look: Look, include: Sequence[Include], job_id: str) -> Iterator[Finding]:
    """What stands in the way of, or will be missing from, the export of a job that includes *include*."""
    if look.journal and look.journal != job_id:
        yield Finding(
            "stop",
            f"The sandbox is still prepared for another export ({look.journal}).",
            "It would be changed twice, and could not be put back as it was.",
            "Put it back first: sandhopper restore HOST",
            "restore",
        )
    how = {i.mount: i.how for i in include}
    known = {mount.path: mount for mount in look.mounts}
    merges = [path for path, what in how.items() if what == "merge"]
    for path in merges:
        yield from _mergeable(path, known, merges, prepared=look.journal == job_id)
    if look.journal != job_id:
        yield from _fits([known[path] for path in merges if path in known], look)
    for path, what in how.items():
        if what == "disk":
            yield from disks.findings(path, look.disks, how)
    for mount in look.mounts:
        if mount.path not in how or how[mount.path] == "leave":
            yield _missing(mount, asked=mount.path in how)


def _system(seen: Seen) -> Iterator[Finding]:
    if seen.os:
        yield Finding("ok", f"The sandbox {seen.text('hostname')} runs {seen.os} ({seen.text('kernel')}).")
    else:
        yield Finding("care", "The sandbox's system is unknown.", "It does not say what it is.", topic="unknown-system")
    if seen.text("architecture") not in ("x86_64", "i686", "i586", "i386", "amd64"):
        yield Finding(
            "care",
            f"The sandbox's processor is of the kind {seen.text('architecture')}.",
            "It cannot be tried here whether its copy boots, and the target must have the same kind.",
            "Ask the target which processors it has.",
        )


def _rights(seen: Seen) -> Iterator[Finding]:
    if seen.text("user") != "0":
        yield Finding(
            "stop",
            "This login is not the sandbox's administrator.",
            "Its disks cannot be copied completely without that.",
            "Use the login “root”, or one that may use sudo.",
            "sudo",
        )
    tools = seen.words("shell_tools")
    if "rsync" not in tools:
        grade = "care" if "gnu-cp" in tools else "stop"
        text = "Data disks are copied with cp instead, which is slower." if grade == "care" else "It is needed here."
        yield Finding(grade, "The sandbox has no rsync.", text, "Install the package rsync on the sandbox.", "rsync")


def _start(seen: Seen) -> Iterator[Finding]:
    virtio = seen.text("virtio")
    if virtio == "yes":
        yield Finding("ok", "The sandbox's start-up image has the drivers of today's clouds (virtio).")
    elif virtio == "no":
        yield Finding(
            "care",
            "The sandbox's start-up image lacks the drivers of today's clouds (virtio).",
            "Its copy may not find its disk on OpenStack or QEMU.",
            "Choose a target with SATA or IDE disks, or add virtio_blk and virtio_pci to the start-up image.",
            "virtio",
        )
    else:
        yield Finding("care", "It could not be seen whether the start-up image has virtio drivers.", topic="virtio")
    for device, place in fstab.by_device_name(seen.raw("fstab")):
        yield Finding(
            "care",
            f"{place} is mounted by the name {device}.",
            "Elsewhere that name may belong to another disk, or to none, and the copy would stop while it starts.",
            "Write UUID=… (shown by blkid) for it into /etc/fstab.",
            "device-names",
        )
    for line in seen.words("mappers"):
        if line.startswith("CRYPT-"):
            text = "Whoever starts the copy needs the passphrase, and a console to type it."
            yield Finding("care", f"A disk is encrypted ({line.split()[-1]}).", text, topic="encrypted")
    if seen.text("firmware") == "uefi":
        yield Finding("ok", "The sandbox starts by UEFI.", facts={"firmware": "uefi"})


def _network(seen: Seen) -> Iterator[Finding]:
    for file in [*seen.words("static"), *seen.words("nic_rules")]:
        yield Finding(
            "care",
            f"{file} ties the network to this place.",
            "The copy may start without a network elsewhere.",
            "Have the address given out (DHCP) in the copy.",
            "static-network",
        )
    if "yes" not in seen.words("cloud_init"):
        text = "The copy will not take keys, names or addresses from a cloud; today's accounts work."
        yield Finding("ok", "The sandbox has no cloud-init.", text, topic="cloud-init")


def _mergeable(path: str, known: dict[str, Mount], merges: Sequence[str], *, prepared: bool) -> Iterator[Finding]:
    mount = known.get(path)
    if mount is None:
        text = "It lies on the root disk and comes along by itself, or there is no such disk."
        yield Finding("stop", f"{path} is no data disk of the sandbox.", text, f"Do not ask to merge {path}.", "mounts")
        return
    if not mount.mergeable:
        text = f"{path} cannot be merged: {mount.why_not}."
        yield Finding("stop", text, remedy="Leave it out and copy its data in another way.", topic="mounts")
    around = inside(path, known)
    if around and around not in merges:
        text = f"{path} lies inside {around}, which is not merged."
        yield Finding("stop", text, remedy=f"Merge {around} too, or leave {path} out.", topic="mounts")
    if mount.hidden and not prepared:
        yield Finding(
            "care",
            f"The folder below {path} is not empty: files are hidden behind the mounted disk.",
            "Nobody can see them now. They are put aside while the copy is made, and put back as they were; "
            "in the copy they lie below /var/lib/sandhopper.",
            "If they are needed, look at them first (mount --bind / /mnt shows the root disk alone).",
            "hidden",
        )
    if mount.read_only:
        yield Finding("care", f"{path} is mounted read-only.", "Its data is copied; in the copy it can be written.")


def _fits(mounts: Sequence[Mount], look: Look) -> Iterator[Finding]:
    if not mounts:
        return
    # XFS counts a hundredth of itself as used when it is empty; the merge counts exactly before it begins
    need = sum(max(0, mount.used - (mount.size // 100 if mount.fstype == "xfs" else 0)) for mount in mounts)
    want, files = need + need // 10 + MARGIN, sum(mount.files for mount in mounts)
    if want > look.root_free:
        yield Finding(
            "stop",
            f"The data does not fit into the root disk: {size(want - look.root_free)} short.",
            f"{size(need)} are to be merged, and {size(look.root_free)} are free.",
            "Free space on the root disk, leave a data disk out, or give the sandbox a bigger root disk.",
            "space",
        )
    elif look.root_free_inodes and files + files // 10 + 100 > look.root_free_inodes:
        text = f"{files:,} files are to be merged, and room for {look.root_free_inodes:,} is left."
        remedy = "Delete files that are not needed, or leave a data disk out."
        yield Finding("stop", "The root disk cannot hold so many files.", text, remedy, "space")
    else:
        yield Finding("ok", f"The data fits into the root disk: {size(need)} of {size(look.root_free)} free.")


def _missing(mount: Mount, *, asked: bool) -> Finding:
    remedy = "" if asked else f"To take it along, include it: {mount.path}=merge, or {mount.path}=disk."
    if mount.why_not:
        remedy = f"Copy its data in another way if it is needed ({mount.why_not})."
    return Finding("care", f"{mount.path} will be missing ({size(mount.used)}).", "", remedy, "mounts", mount.as_json())
