"""What stands in the way of a job's wishes, fits, or will be missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.context import Finding
from app.job import Include
from app.sandbox import disks, growth
from app.sandbox.look import Look
from app.sandbox.mounts import Mount, inside
from app.units import size

_WAYS = (
    "put a data disk into the copy, whose system disk is made bigger (MOUNT=grow), export it as a disk of its own "
    "(MOUNT=disk), leave it out (MOUNT=leave)"
)
MARGIN = 100 * 1024 * 1024  # bytes that must be left besides a tenth of what is copied; merge.sh knows the same


def for_job(look: Look, include: Sequence[Include], job_id: str, here: tuple[str, str] = ("", "")) -> Iterator[Finding]:
    """What stands in the way of, or will be missing from, the export of a job that includes *include*.

    *here*: why copies cannot be changed on this computer and what to do about it; empty when they can.
    """
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
    yield from growth.findings(look, how, here)
    for path, what in how.items():
        if what == "disk":
            yield from disks.findings(path, look.disks, how)
    for mount in look.mounts:
        if mount.path not in how or how[mount.path] == "leave":
            if how.get(mount.shows, "leave") == "leave":
                yield _missing(mount, asked=mount.path in how)
            else:
                yield Finding("ok", f"{mount.path} shows data of {mount.shows} and comes along with it.")


def _mergeable(path: str, known: dict[str, Mount], merges: Sequence[str], *, prepared: bool) -> Iterator[Finding]:
    mount = known.get(path)
    if mount is None:
        text = "It lies on the root disk and comes along by itself, or there is no such disk."
        yield Finding("stop", f"{path} is no data disk of the sandbox.", text, f"Do not ask to merge {path}.", "mounts")
        return
    if not mount.mergeable:
        text = f"{path} cannot be merged: {mount.why_not}."
        remedy = "Leave it out and copy its data in another way."
        if mount.shows in merges:
            remedy = f"Do not ask to merge it: it comes along with {mount.shows}."
        yield Finding("stop", text, remedy=remedy, topic="mounts")
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
            f"Free space on the root disk, {_WAYS}, or give the sandbox a bigger root disk.",
            "space",
            {"short": want - look.root_free},
        )
    elif look.root_free_inodes and files + files // 10 + 100 > look.root_free_inodes:
        text = f"{files:,} files are to be merged, and room for {look.root_free_inodes:,} is left."
        remedy = f"Pack many small files into an archive, or {_WAYS}."
        yield Finding("stop", "The root disk cannot hold so many files.", text, remedy, "space")
    else:
        yield Finding("ok", f"The data fits into the root disk: {size(need)} of {size(look.root_free)} free.")


def _missing(mount: Mount, *, asked: bool) -> Finding:
    remedy = (
        "" if asked else f"To take it along, include it: {mount.path}=merge, {mount.path}=grow, or {mount.path}=disk."
    )
    if mount.why_not:
        remedy = f"Copy its data in another way if it is needed ({mount.why_not})."
    return Finding("care", f"{mount.path} will be missing ({size(mount.used)}).", "", remedy, "mounts", mount.as_json())
