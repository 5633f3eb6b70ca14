"""Turn the fetched disk into what the target takes, prove that it is the same disk, and hash it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import host
from app.addresses import ENDINGS
from app.context import Context, Finding
from app.disk import gate, image, qemu_img
from app.errors import JobError
from app.job import Job
from app.journal import Facts
from app.steps import Plain
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
        if source := _source_here(ctx):
            yield from _check_source(source, wanted, target, ctx)

    def run(self, ctx: Context) -> Facts:
        """Find a finished result, or make it; then hash it."""
        fetched = ctx.state.of("fetch")
        try:
            return self._converted(fetched, ctx)
        except JobError as exc:
            if Path(fetched["path"]).exists():
                raise
            raise _gone(Path(fetched["path"])) from exc

    def _converted(self, fetched: Facts, ctx: Context) -> Facts:
        target = load(ctx.job.profile)
        wanted = format_of(ctx.job, target)
        info = image.inspect(Path(fetched["path"]), ctx, expected=fetched.get("format", ""))
        _stop_if_changed(info, fetched)
        result = _finished(ctx, info, _wish(ctx, wanted, target)) or _made(info, wanted, target, ctx)
        own = result.path != info.path
        _stop_if_changed(info, fetched)
        known = "" if own else fetched.get("sha256", "")
        return {
            "path": str(result.path),
            "name": f"{ctx.job.image_name}.{ENDINGS[wanted]}",
            "format": wanted,
            "size": result.size,
            "virtual_size": result.virtual_size,
            "sha256": known or image.sha256(result.path, ctx),
            "own": own,
        }

    def undo(self, ctx: Context) -> None:
        """Remove what was made here; the source stays."""
        for ending in set(ENDINGS.values()):
            file = ctx.work / f"converted.{ending}"
            image.sweep(file)
            file.unlink(missing_ok=True)


STEP = Convert()


def format_of(job: Job, target: Target) -> str:
    """The format that this job is converted to."""
    return job.format or target.formats[0]


def _source_here(ctx: Context) -> Path | None:
    """The source, if it is a file of this computer already."""
    if path := ctx.state.of("fetch").get("path"):
        return Path(path)
    parts = urlsplit(ctx.job.source)
    return Path(url2pathname(parts.path)) if parts.scheme == "file" else None


def _check_source(source: Path, wanted: str, target: Target, ctx: Context) -> Iterator[Finding]:
    try:
        info = image.inspect(source, ctx)
    except JobError as exc:
        if ctx.state.is_done("fetch"):  # else that step says so itself
            yield Finding("stop", exc.message, exc.means, exc.remedy, exc.topic)
        return
    yield from gate.source_findings(info, target)
    if not _fits_as_it_is(info, wanted, target, ctx):
        yield from _check_room(image.forecast(info, wanted, ctx.work, ctx, compress=_packed(ctx, target)), ctx)


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


def _finished(ctx: Context, source: image.Info, wish: list[object]) -> image.Info | None:
    """What an earlier run made of this very source, if it still lies there as the journal remembers it."""
    made = ctx.state.of("convert").get("made")
    if not made or made["of"] != _mark_of(source) or made["wish"] != wish:
        return None
    path = Path(made["path"])
    with contextlib.suppress(OSError, JobError):
        if path.stat().st_size == made["size"] and path.stat().st_mtime_ns == made["mtime"]:
            return image.inspect(path, ctx)
    return None


def _made(info: image.Info, wanted: str, target: Target, ctx: Context) -> image.Info:
    if _fits_as_it_is(info, wanted, target, ctx):
        ctx.note("The disk is already what the target wants; no copy is made.")
        return info
    path = ctx.work / f"converted.{ENDINGS[wanted]}"
    packed = _packed(ctx, target) and wanted == "qcow2"
    options = target.options(wanted)
    try:
        made = image.convert(info, path, wanted, ctx, compress=packed, options=options, multiple=target.multiple)
    except qemu_img.FullDiskError as exc:
        raise _with_figures(exc, image.forecast(info, wanted, ctx.work, ctx, compress=packed)) from exc
    remember = {**_mark_of(made), "path": str(path), "of": _mark_of(info), "wish": _wish(ctx, wanted, target)}
    ctx.fact(made=remember)
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
