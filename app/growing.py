"""Put data disks into the copy: an overlay with a bigger system disk, the data in its folders, nothing left to mount.

It begins anew whenever it was cut off: the overlay is thrown away, and the fetched disks are only ever read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app import host
from app.context import Context
from app.disk import overlay
from app.disk.guest import Change, Guest, Refused, bigger, carry, look, opened
from app.disk.guest.disks import rewritten
from app.disk.info import Info
from app.disk.qemu_img import FullDiskError
from app.sandbox import edits, fstab, growth
from app.sandbox.disks import PARTED, Disk
from app.sandbox.look import Seen
from app.sandbox.mounts import decode
from app.units import size as words

UNITS = ("/etc/systemd/system", "/usr/local/lib/systemd/system")
TRIES = 3  # overlays: what the files really take is only known when their disk has been opened
SPARE = 256 << 20  # bytes of this computer's disk that are left free for everything else


@dataclass(frozen=True)
class Wish:
    """What is put together: *loads* from the *data* disks (files with their formats), *more* bytes of system disk.

    *again*: other places at which the sandbox shows the data of a load → its mount.
    """

    job: str
    loads: Sequence[carry.Load]
    data: Sequence[tuple[Path, str]]
    more: int
    again: Mapping[str, str] = field(default_factory=dict)


def load_of(disk: Disk) -> carry.Load:
    """Where the data of a mount lies, as the check-up has told."""
    if disk.kind in PARTED:
        return carry.Load(disk.mount, volume=disk.device, kind=disk.fstype)
    return carry.Load(disk.mount, disk.uuid, kind=disk.fstype)


def grow(path: Path, below: Info, wish: Wish, ctx: Context) -> tuple[int, list[Change]]:
    """Make the overlay *path* over *below* with all of *wish* in it; its virtual size, and what is different in it.

    Raises `JobError` in words; the overlay is then worth nothing.
    """
    _check_room_here(wish, ctx)
    more = wish.more
    for left in reversed(range(TRIES)):
        size = growth.bigger(below.virtual_size, more)
        overlay.create(path, below, ctx, size)
        try:
            changes = _put_together(path, wish, ctx)
        except carry.TooSmallError as exc:
            if not left:
                raise
            more += exc.short + exc.short // 10 + growth.SPARE
        else:
            was, now = words(below.virtual_size), words(size)
            return size, [Change("grow", "The system disk of the copy is bigger.", was, now), *changes]
    raise AssertionError


def _check_room_here(wish: Wish, ctx: Context) -> None:
    free = host.free_space(ctx.work)
    if wish.more + SPARE > free:
        raise FullDiskError(
            f"The data takes up to {words(wish.more)} in the copy, and {words(free)} are free at {ctx.folder}.",
            f"Free {words(wish.more + SPARE - free)} more, then go on: this step begins anew.",
            means="Nothing was changed.",
            topic="space",
        )


def _put_together(path: Path, wish: Wish, ctx: Context) -> list[Change]:
    with opened(path, ctx, write=True, others=wish.data) as guest:
        ctx.begin("grow")
        try:
            return _grown(guest, path, wish, ctx)
        except Refused as exc:
            raise bigger.refused(f"libguestfs says: {exc.message}") from exc


def _grown(guest: Guest, path: Path, wish: Wish, ctx: Context) -> list[Change]:
    told = guest.table("list-filesystems")
    root = bigger.find_root(guest, told)
    loads = sorted(wish.loads, key=lambda load: load.mount)
    found = [(load, carry.find(guest, load, told)) for load in loads]
    bigger.make_room(guest, root)
    away = _inner(guest, root, [load.mount for load in loads])
    here = {at: kind for at, kind in told.items() if at not in away and bigger.on_disk(guest, at)}
    system = look(guest, root.place, here)
    if system.why_not:
        raise bigger.refused(system.why_not)
    bigger.fill(guest, root)
    done: list[Change] = []
    for load, device in found:
        options = part_of(load.mount, guest) if load.kind == "btrfs" else ""
        done += _told(carry.carry(guest, device, load, options, _progress(path, load, ctx)))
    return [*done, *_unmounted(guest, wish)]


def _inner(guest: Guest, root: bigger.Root, mounts: Sequence[str]) -> set[str]:
    """Devices that the copy mounts at or inside of *mounts*; they stay closed, for what lies there is taken away."""
    told = guest.table("inspect-get-mountpoints", root.place)
    return {device for place, device in told.items() if any(f"{place}/".startswith(f"{mount}/") for mount in mounts)}


def _progress(path: Path, load: carry.Load, ctx: Context) -> carry.Watch:
    """Begin a phase, and tell how far it is by what the overlay has taken in."""

    def begin(phase: str, total: int) -> Callable[[], None]:
        ctx.begin(phase, total, mount=load.mount)
        before = _taken(path)
        return lambda: ctx.at(max(ctx.done, min(total, _taken(path) - before))) if total else None

    return begin


def _taken(path: Path) -> int:
    return path.stat().st_blocks * 512  # libguestfs is on Linux only


def _told(done: carry.Carried) -> Iterator[Change]:
    many = f"{done.files:,} files, {words(done.bytes)}"
    title = f"The data of {done.mount} lies on the system disk of the copy, and every file was compared."
    yield Change("grow", title, f"{done.mount} on a disk of its own", f"{done.mount}, {many}")
    if done.hidden:
        title = f"Files that the disk at {done.mount} had covered are not in the copy; the sandbox still has them."
        yield Change("grow", title, ", ".join(done.hidden[:20]), "")
    if done.coarse:
        text = f"Times below {done.mount} are whole seconds: the system disk's file system keeps nothing finer."
        yield Change("grow", text, grade="care")


def _unmounted(guest: Guest, wish: Wish) -> Iterator[Change]:
    """Nothing in the copy looks for the data's own disks any more: the merge's own edits, under a mark that stays."""
    mounts = sorted(load.mount for load in wish.loads)
    shown = {place: mount for place, mount in wish.again.items() if mount in mounts}
    numbers = {mount: number for number, mount in enumerate(mounts)}
    lines = [(numbers[mount], place) for place, mount in [*zip(mounts, mounts, strict=True), *shown.items()]]
    table = "".join(f"1 1 0:{number} / {edits.encoded(place)} rw - x x rw\n" for number, place in lines)
    seen = Seen({**_seen(guest).parts, "mountinfo": table.encode("utf-8", "surrogateescape")})
    for edit in edits.edits(seen, mounts, f"{wish.job}-grow"):
        before, after = (text.decode("utf-8", "surrogateescape") for text in (edit.before, edit.after))
        yield from rewritten(guest, edit.path, before, after, "grow", "The data's own disk is not mounted any more")


def _seen(guest: Guest) -> Seen:
    """What the copy says about mounts, as the look at a machine has it (resources/sandbox/tables.sh)."""
    table = guest.read("/etc/fstab")
    files = [path for folder in UNITS for path in _units(guest, folder)]
    units = {f"unit{number}": f"{path}\n".encode() + guest.read(path) for number, path in enumerate(files, 1)}
    places = {fields[1]: decode(fields[1]) for _, fields in fstab.entries(table) if fields[1].startswith("/")}
    led = [f"{written} {real}" for written, path in places.items() if (real := _real(guest, path)) != path]
    return Seen({"fstab": table, "places": "\n".join(led).encode("utf-8", "surrogateescape"), **units})


def _units(guest: Guest, folder: str) -> Iterator[str]:
    for name in guest.names(folder):
        if name.endswith("mount"):
            yield from [f"{folder}/{name}"] if guest.file(f"{folder}/{name}") else []
        if name.endswith("mount.d"):
            yield from guest.below(f"{folder}/{name}", ".conf")


def _real(guest: Guest, path: str) -> str:
    try:
        return guest.real(path)
    except Refused:
        return path


def part_of(mount: str, guest: Guest) -> str:
    """The `subvol=` or `subvolid=` with which the copy would mount *mount*; empty for the whole file system."""
    seen = _seen(guest)
    written = [
        fields[3] for _, fields in fstab.entries(seen.raw("fstab"))
        if len(fields) > 3 and mount in (decode(fields[1]).rstrip("/"), seen.places.get(fields[1]))
    ]  # fmt: skip
    for name in seen.parts:
        unit = seen.raw(name)
        if name.startswith("unit") and edits.where(unit) == mount:
            written += [
                line.partition(b"=")[2].strip().decode()
                for line in unit.split(b"\n")
                if line.strip().startswith(b"Options")
            ]
    options = [option for text in written for option in text.split(",")]
    return next((option for option in options if option.startswith(("subvol=", "subvolid="))), "")
