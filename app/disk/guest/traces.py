"""Take out of the copy what the merge left on the sandbox, so that the data looks as if it had always been there.

Where things lie: resources/sandbox/lib.sh. What the merge hid below the mount points is in the state folder and goes
with it; the sandbox itself still has all of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from app.disk.guest.change import Change
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused

HOMES = ("/var/lib/sandhopper", "/root/.sandhopper")
_REFS = {".ref", ".names"}


def mark_of(job_id: str) -> str:
    """What the merge puts before a line of /etc/fstab; app/sandbox/fstab.py knows the same."""
    return f"#sandhopper-{job_id}# "


def state_of(guest: Guest, job_id: str) -> str:
    """The folder that the merge of this job kept its journal in, or empty."""
    for home in HOMES:
        try:
            state = guest.real(f"{home}/{job_id}", strict=True)
        except Refused:
            continue
        found = guest.lstat(state)
        if found and found.is_folder and found.uid == 0:
            return state
    return ""


def root_device(guest: Guest, state: str) -> str:
    """What the root's device was called on the sandbox, from the merge's own table of mounts; empty if unknown."""
    for line in guest.text(f"{state}/mounts").split("\n") if state else ():
        fields = line.split()
        if len(fields) >= 4 and fields[2] == "/":
            return next((field for field in fields[3:] if field.startswith("/dev/")), "")
    return ""


def remove(guest: Guest, job_id: str) -> Iterator[Change]:
    """Remove the journal of the merge, the fstab put aside, and the lines taken out of fstab."""
    state = state_of(guest, job_id)
    path = guest.file(guest.text(f"{state}/fstab.path") if state else "/etc/fstab") or guest.file("/etc/fstab")
    if path:
        yield from _fstab(guest, path, job_id, state)
    if state:
        yield from _state(guest, state)


def without_marked(text: str, job_id: str) -> str:
    """An fstab without the lines that this job took out of it."""
    return "\n".join(line for line in text.split("\n") if not line.startswith(mark_of(job_id)))


def _fstab(guest: Guest, path: str, job_id: str, state: str) -> Iterator[Change]:
    before, folder = guest.text(path), path.rpartition("/")[0] or "/"
    after = without_marked(before, job_id)
    original = guest.lstat(f"{path}.sandhopper-{job_id}")
    with guest.unnoticed(folder):
        if after != before:
            guest.write(path, after)
            gone = "\n".join(line for line in before.split("\n") if line.startswith(mark_of(job_id)))
            yield Change("traces", f"The lines of merged disks are gone from {path}.", gone, "")
        if original and original.is_file:
            guest.time_back(path, original)
    ours = [name for name in guest.names(folder) if name.startswith(f"{path.rpartition('/')[2]}.sandhopper-{job_id}")]
    reference = guest.lstat(f"{state}/etc.ref") if state else None
    with guest.unnoticed(folder):
        for name in ours:
            guest.remove(f"{folder}/{name}")
    if ours and reference:
        guest.time_back(folder, reference)
    if ours:
        yield Change("traces", "The fstab that the merge put aside is gone.", f"{folder}/{', '.join(ours)}", "")


def _hidden(guest: Guest, state: str) -> Iterator[Change]:
    """What lay hidden in the folder below a mount point, and was put aside for the data to take its place."""
    for name in guest.names(state):
        kept = guest.names(f"{state}/{name}/aside") if name.startswith("m") else []
        if kept:
            place = guest.text(f"{state}/{name}/path")
            title = f"Files that the disk at {place} had covered are not in the copy; the sandbox still has them."
            yield Change("traces", title, ", ".join(kept[:20]), "")


def _state(guest: Guest, state: str) -> Iterator[Change]:
    home = state.rpartition("/")[0]
    above = home.rpartition("/")[0]
    reference = guest.lstat(f"{home}/.ref")
    yield from _hidden(guest, state)
    with guest.unnoticed(above):
        guest.remove(state)
        if not {*guest.names(home)} - _REFS:
            guest.remove(home)
    if reference and guest.lstat(home) is None:
        guest.time_back(above, reference)
    yield Change("traces", "The journal of the merge is gone; it belongs to the sandbox.", state, "")
