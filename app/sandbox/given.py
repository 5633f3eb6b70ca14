"""Disks that a person brings as files: which ones an export waits for, and whether each file is the right one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import parts
from app.context import Context
from app.disk import contents, image
from app.errors import JobError, Waiting
from app.job import Job
from app.journal import State
from app.sandbox import disks
from app.sandbox.disks import Disk
from app.units import plain, size

KEPT = "The sandbox stays as it is, and the export waits for the right file."


def needed(job: Job, state: State) -> list[Disk]:
    """The disks that *job* needs, the system disk first; what the check-up has not told yet is left empty."""
    known = [Disk.from_json(data) for data in state.of("checkup").get("disks", [])]
    asked = (*job.own_disks, *job.grows)
    own = disks.wanted(known, asked) if known else [Disk(mount, "") for mount in sorted(asked)]
    system = next((disk for disk in known if disk.mount == parts.SYSTEM), Disk(parts.SYSTEM, ""))
    return [system, *own]


def check(files: Mapping[str, str], wanted: Sequence[Disk], ctx: Context) -> None:
    """Raise `Waiting` unless each of *files* (mount → `file:` URL) holds the disk that it is said to hold.

    The file that is wrong is forgotten, so that another one can be given.
    """
    for disk in wanted:
        try:
            _check_one(disk, files, wanted, ctx)
        except JobError as exc:
            ctx.fact(given={mount: url for mount, url in files.items() if mount != disk.mount})
            raise Waiting(exc.message, exc.remedy, means=KEPT, topic=exc.topic or "own-disk") from exc


def path_of(url: str) -> Path:
    """The path of a `file:` URL."""
    return Path(url2pathname(urlsplit(url).path))


def _check_one(disk: Disk, files: Mapping[str, str], wanted: Sequence[Disk], ctx: Context) -> None:
    path = path_of(files[disk.mount])
    for other in wanted:
        if other.mount < disk.mount and path.exists() and path.samefile(path_of(files[other.mount])):
            text = f"{plain(path.name)} was given as {parts.words(other.mount)} and as {parts.words(disk.mount)}."
            raise JobError(text, f"Give the other file for {parts.words(disk.mount)}. {_how(disk)}")
    info = image.inspect(path, ctx)
    if info.virtual_size < disk.size:
        has = f"{parts.words(disk.mount)} has {size(disk.size)}"
        text = f"{plain(path.name)} is a disk of {size(info.virtual_size)}, but {has}."
        raise JobError(text, f"Look whether it was fetched whole, and whether it is the right one. {_how(disk)}")
    if not disk.uuid:
        ctx.note(f"It could not be compared whether {plain(path.name)} is {parts.words(disk.mount)}.", grade="care")
        return
    found = {known.lower() for known in contents.identities(info, ctx)}
    if disk.uuid.lower() in found:
        return
    really = next((other for other in wanted if other.uuid and other.uuid.lower() in found), None)
    text = f"{plain(path.name)} is {parts.words(really.mount)}" if really else f"{plain(path.name)} holds another disk"
    raise JobError(f"{text}, not {parts.words(disk.mount)}.", f"Give the file of the right disk. {_how(disk)}")


def _how(disk: Disk) -> str:
    known = f"It is {disk.words()}" if disk.names else ""
    inside = f"holds {disk.kind} with the UUID {disk.uuid}" if disk.uuid else ""
    return f"{' and '.join(part for part in (known, inside) if part)}.".lstrip(".")
