"""Turn the fetched disk into what the target takes, prove that it is the same disk, and hash it."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import host, parts
from app.addresses import ENDINGS
from app.context import Context, Finding
from app.disk import gate, image, overlay, qemu_img
from app.errors import JobError
from app.job import Job
from app.journal import Facts
from app.steps import Plain, image_facts
from app.targets import Target, load
from app.units import size


class Convert(Plain):
    """The conversion; it only reads the source, and makes no copy where none is needed."""

    name = "convert"

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Tool, wished format, and for a disk that is here already: what it is, and room for the result."""
        target = load(ctx.job.profile)
        wanted = format_of(ctx.job, target)
        if wanted not in target.formats:
            names = ", ".join(f.upper() for f in target.formats)
            yield Finding("stop", f"{target.title} does not take {wanted.upper()}.", "", f"Choose one of: {names}.")
            return
        try:
            host.need_tool("qemu-img")
        except JobError as exc:
            yield Finding("stop", exc.message, "It converts the disk.", exc.remedy, "tools")
            return
        if target.unproven:
            yield Finding("care", "This kind of target was never tried for real.", target.unproven)
        rooms: list[image.Forecast] = []
        for source in _sources_here(ctx):
            yield from _check_source(source, wanted, target, rooms, ctx)
        if rooms:
            total = image.Forecast(sum(r.least for r in rooms), sum(r.most for r in rooms), rooms[0].free)
            yield from _check_room(total, ctx)

    def run(self, ctx: Context) -> Facts:
        """Find a finished result of each disk, or make it; then hash it."""
        return parts.joined([self._one(fetched, ctx) for fetched in parts.each(image_facts(ctx.state))])

    def _one(self, fetched: Facts, ctx: Context) -> Facts:
        try:
            return self._converted(fetched, ctx)
        except JobError as exc:
            if Path(fetched["path"]).exists():
                raise
            raise _gone(Path(fetched["path"])) from exc

    def _converted(self, fetched: Facts, ctx: Context) -> Facts:
        target = load(ctx.job.profile)
        wanted = format_of(ctx.job, target)
        info = _inspected(fetched, ctx)
        _stop_if_changed(info, fetched)
        mount = fetched["mount"]
        result = _finished(ctx, mount, info, _wish(ctx, wanted, target)) or _made(mount, info, wanted, target, ctx)
        own = result.path != info.path
        _stop_if_changed(info, fetched)
        known = "" if own else fetched.get("sha256", "")
        return {
            "mount": mount,
            "path": str(result.path),
            "name": parts.named(f"{ctx.job.image_name}.{ENDINGS[wanted]}", mount),
            "format": wanted,
            "size": result.size,
            "virtual_size": result.virtual_size,
            "sha256": known or _hashed(result, mount, ctx, own=own),
            "own": own,
        }

    def undo(self, ctx: Context) -> None:
        """Remove what was made here; the source stays."""
        for mount in (parts.SYSTEM, *ctx.job.own_disks):
            for ending in set(ENDINGS.values()):
                file = ctx.work / parts.named(f"converted.{ending}", mount)
                image.sweep(file)
                file.unlink(missing_ok=True)


STEP = Convert()


def format_of(job: Job, target: Target) -> str:
    """The format that this job is converted to."""
    return job.format or target.formats[0]


def _inspected(fetched: Facts, ctx: Context) -> image.Info:
    """The disk as it was fetched, or through the overlay that the step adapt has made over it."""
    path = Path(fetched["path"])
    if below := fetched.get("below"):
        under = overlay.opened(path, Path(below), fetched["below_format"], ctx, fetched["virtual_size"])
        _stop_if_changed(dataclasses.replace(under, path=Path(below)), {"stamp": fetched["below_stamp"]})
        return under
    return image.inspect(path, ctx, expected=fetched.get("format", ""))


def _sources_here(ctx: Context) -> list[Facts]:
    """The `mount` and the `path` of each source that is a file of this computer already."""
    if ctx.state.of("fetch").get("path"):
        return parts.each(ctx.state.of("fetch"))
    source = urlsplit(ctx.job.source)
    here = source.scheme == "file"
    return [{"mount": parts.SYSTEM, "path": url2pathname(source.path)}] if here else []


def _check_source(
    source: Facts, wanted: str, target: Target, rooms: list[image.Forecast], ctx: Context
) -> Iterator[Finding]:
    """What is to be said of one disk; the room that it takes is added to *rooms*."""
    try:
        info = image.inspect(Path(source["path"]), ctx)
    except JobError as exc:
        if ctx.state.is_done("fetch"):  # else that step says so itself
            yield Finding("stop", exc.message, exc.means, exc.remedy, exc.topic)
        return
    if source["mount"] in ctx.job.grows:  # its data will lie in the system disk, and take its room there
        rooms.append(image.forecast(info, wanted, ctx.work, ctx, compress=_packed(ctx, target)))
        return
    yield from gate.source_findings(info, target, system=source["mount"] == parts.SYSTEM)
    if not _fits_as_it_is(info, wanted, target, ctx):
        rooms.append(image.forecast(info, wanted, ctx.work, ctx, compress=_packed(ctx, target)))


def _check_room(forecast: image.Forecast, ctx: Context) -> Iterator[Finding]:
    if forecast.missing:
        hopeless = forecast.free < forecast.least
        yield Finding(
            "stop" if hopeless else "care",
            f"The converted disk {'does' if hopeless else 'may'} not fit on this computer.",
            f"It needs up to {size(forecast.most)}; {size(forecast.free)} are free at {ctx.work}.",
            f"Free {size(forecast.missing)} more, or run the job in a folder on a bigger disk.",
            "space",
            {"needed": forecast.most, "free": forecast.free},
        )


def _packed(ctx: Context, target: Target) -> bool:
    return ctx.job.compress and target.compress


def _fits_as_it_is(info: image.Info, wanted: str, target: Target, ctx: Context) -> bool:
    """Whether the target can take the very file: same kind, flat, right size, and nothing to be gained by packing."""
    right_kind = info.format == wanted and info.flat and info.detail != "fixed"
    if wanted == "vmdk":
        right_kind = right_kind and info.detail == target.vmdk
    if not right_kind or info.virtual_size != image.whole_size(info.virtual_size, wanted, target.multiple):
        return False
    return wanted != "qcow2" or not _packed(ctx, target) or image.is_packed(info, ctx)


def _wish(ctx: Context, wanted: str, target: Target) -> list[object]:
    """Everything that decides what the result looks like."""
    return [wanted, _packed(ctx, target), target.multiple, *target.options(wanted).values()]


def _hashed(result: image.Info, mount: str, ctx: Context, *, own: bool) -> str:
    """The SHA-256; remembered, so that a crash at the next disk does not cost reading this one again."""
    made = ctx.state.of("convert").get(parts.key("made", mount), {}) if own else {}
    if made.get("sha256"):
        return str(made["sha256"])
    digest = image.sha256(result.path, ctx)
    if made and ctx.job.own_disks:
        ctx.fact(**{parts.key("made", mount): {**made, "sha256": digest}})
    return digest


def _finished(ctx: Context, mount: str, source: image.Info, wish: list[object]) -> image.Info | None:
    """What an earlier run made of this very source, if it still lies there as the journal remembers it."""
    made = ctx.state.of("convert").get(parts.key("made", mount))
    if not made or made["of"] != _mark_of(source) or made["wish"] != wish:
        return None
    path = Path(made["path"])
    with contextlib.suppress(OSError, JobError):
        if path.stat().st_size == made["size"] and path.stat().st_mtime_ns == made["mtime"]:
            return image.inspect(path, ctx)
    return None


def _made(mount: str, info: image.Info, wanted: str, target: Target, ctx: Context) -> image.Info:
    if _fits_as_it_is(info, wanted, target, ctx):
        ctx.note("The disk is already what the target wants; no copy is made.")
        return info
    path = ctx.work / parts.named(f"converted.{ENDINGS[wanted]}", mount)
    packed = _packed(ctx, target) and wanted == "qcow2"
    options = target.options(wanted)
    try:
        made = image.convert(info, path, wanted, ctx, compress=packed, options=options, multiple=target.multiple)
    except qemu_img.FullDiskError as exc:
        raise _with_figures(exc, image.forecast(info, wanted, ctx.work, ctx, compress=packed)) from exc
    remember = {**_mark_of(made), "path": str(path), "of": _mark_of(info), "wish": _wish(ctx, wanted, target)}
    ctx.fact(**{parts.key("made", mount): remember})
    return made


def _stop_if_changed(info: image.Info, fetched: Facts) -> None:
    """A disk that somebody wrote to since it was looked at is another disk."""
    try:
        stamp, now = fetched.get("stamp"), info.path.stat()
    except FileNotFoundError as exc:
        raise _gone(info.path) from exc
    if stamp and [now.st_mtime_ns, now.st_size] != stamp[:2]:
        raise JobError(
            f"{info.path.name} was changed after this export began.",
            "Switch off whatever uses that disk, and start a new export of it.",
            means="Nothing was sent. A disk that is written to meanwhile would arrive torn.",
            topic="source-changed",
        )


def _gone(source: Path) -> JobError:
    return JobError(
        f"{source} is not there any more.",
        "Plug its disk in again or put the file back, then go on; or start a new export.",
        means="Nothing was sent.",
        topic="source-changed",
    )


def _with_figures(full: qemu_img.FullDiskError, room: image.Forecast) -> JobError:
    more = size(room.missing or room.most - room.least)
    remedy = f"Free about {more} more, or run the job in a folder on a bigger disk; then go on from here."
    return JobError(full.message, remedy, means=full.means, topic="space")


def _mark_of(info: image.Info) -> Facts:
    """What tells one state of a file from another without reading it."""
    return {"size": info.size, "mtime": info.path.stat().st_mtime_ns}
