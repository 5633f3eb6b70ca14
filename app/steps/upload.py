"""Send the image to its target: measured before, resumable on the way, proven at the end."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

from app import bandwidth, host, targets, units
from app.addresses import ENDINGS
from app.bandwidth import Line
from app.context import Context, Finding
from app.errors import JobError, Transient
from app.steps import Plain
from app.stores import Abilities, Store, open_store
from app.stores.trial import Trial
from app.transfer import copy, part_name, sidecar

FAT_LIMIT = (1 << 32) - 1  # bytes
FAT = ("vfat", "msdos", "fat", "fat32", "fat16")
FRESH = 30 * 60.0  # seconds for which a measured line is believed
ONE_TIME = Abilities(rename=False, resume=True, read=False, remove=False, size=True)


class Upload(Plain):
    """The step."""

    name = "upload"

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Log in, try the place out and measure the line to it, and compare the room with the image."""
        size = _known_size(ctx)
        with closing(_target(ctx)) as store:
            self._open(store, ctx)
            yield from (room := list(_room(store, size, ctx)))
            if any(finding.grade == "stop" for finding in room):
                return
            _learn(store, ctx)
            if line := _line(ctx):
                yield bandwidth.verdict(size, line)
            elif _one_time(ctx):
                yield _unmeasured()
            if _local(ctx):
                yield from _fat(ctx, size)
            yield from _in_the_way(store, ctx)

    def run(self, ctx: Context) -> dict[str, Any]:
        """Copy what `convert` made; goes on where it stopped."""
        image, name = _image(ctx), _name(ctx)
        path = Path(image["path"])
        _stop_if_changed(path, image, ctx)
        with closing(open_store(path.parent.as_uri() + "/", ctx)) as here, closing(_target(ctx)) as store:
            self._open(store, ctx)
            _stop_if_short(store, image["size"], ctx)
            if "fresh" not in ctx.state.of("upload"):
                ctx.fact(fresh=not store.abilities.whole and store.size(name) is None)
            try:
                done = copy(
                    here,
                    path.name,
                    store,
                    name,
                    ctx,
                    sha256=image["sha256"],
                    limit=ctx.job.limit,
                    verify=ctx.job.verify,
                )
            except Transient:
                if ctx.total == image["size"] <= ctx.done:
                    ctx.fact(all_sent=True)
                raise
            plain = done.sha256 and not store.abilities.whole and not _one_time(ctx)
            beside = sidecar(store, name, done.sha256) if plain else ""
        return {
            "url": ctx.job.target_folder + quote(name),
            "name": name,
            "size": image["size"],
            "sha256": done.sha256,
            "proof": done.proof,
            "grade": done.grade,
            "sent": done.sent,
            "seconds": round(done.seconds, 1),
            "sidecar": beside,
        }

    def undo(self, ctx: Context) -> None:
        """Delete what is ours there: the unfinished file, and the image when this job put it there."""
        image, known = _image(ctx), ctx.state.of("upload")
        if not image:
            return
        ours = [part_name(_name(ctx), image["sha256"])]
        if known.get("fresh") or (ctx.state.is_done(self.name) and known.get("sent")):
            ours += [_name(ctx), known.get("sidecar") or f"{_name(ctx)}.sha256"]
        with closing(_target(ctx)) as store:
            for name in ours:
                _removed(store, name, ctx)

    def _open(self, store: Store, ctx: Context) -> None:
        """Log in; a one-time folder that is gone after everything was sent has probably taken the image."""
        ctx.begin("log in")
        try:
            store.open()
        except JobError as exc:
            if exc.topic == "no-folder" and ctx.state.of("upload").get("all_sent"):
                raise JobError(
                    "The whole image had been sent when the line broke, and now its folder is gone.",
                    "The other side has probably taken it: look there first. If it is not there, ask for a new folder.",
                    means="Nothing is lost: the image is still here.",
                    topic="one-time",
                ) from exc
            raise


def _target(ctx: Context) -> Store:
    store = open_store(ctx.job.target_folder, ctx)
    if known := ctx.state.of("upload").get("abilities"):
        store.abilities = Abilities.from_json(known)
    return store


def _image(ctx: Context) -> dict[str, Any]:
    """The facts of the converted image; empty until it is finished (a crash may have left some of them)."""
    return ctx.state.of("convert") if ctx.state.is_done("convert") else {}


def _name(ctx: Context) -> str:
    """What the image is, or will be, called there."""
    format_ = ctx.job.format or targets.load(ctx.job.profile).formats[0]
    return str(_image(ctx).get("name") or f"{ctx.job.image_name}.{ENDINGS[format_]}")


def _known_size(ctx: Context) -> int:
    return int(_image(ctx).get("size") or ctx.state.of("fetch").get("size") or 0)


def _one_time(ctx: Context) -> bool:
    return targets.load(ctx.job.profile).one_time


def _local(ctx: Context) -> bool:
    return ctx.job.target.startswith("file:")


def _line(ctx: Context) -> Line | None:
    known = ctx.state.of("upload").get("line")
    return Line.from_json(known) if known else None


def _learn(store: Store, ctx: Context) -> None:
    """Measure and try out the place, unless that was done a short while ago or would use it up."""
    line = _line(ctx)
    if line and time.time() - line.at < FRESH:
        return
    if _one_time(ctx):
        ctx.fact(abilities=ONE_TIME.as_json())
        store.abilities = ONE_TIME
    elif _local(ctx):
        with Trial(store, ctx) as trial:
            ctx.fact(abilities=trial.abilities().as_json())
    else:
        line = bandwidth.probe(store, ctx)
        ctx.fact(abilities=store.abilities.as_json(), line=line.as_json())


def _unmeasured() -> Finding:
    return Finding(
        "care",
        "The line was not measured.",
        "The folder at the other side is gone as soon as one upload has ended, so nothing is tried out there.",
        "Have a good network: the upload can be resumed as long as the folder is there.",
        "one-time",
    )


def _room(store: Store, size: int, ctx: Context) -> Iterator[Finding]:
    free = store.free()
    if free is None or not size:
        return
    there = 0
    if image := _image(ctx):
        there = store.size(part_name(_name(ctx), image.get("sha256", ""))) or 0
        there = size if store.size(_name(ctx)) == size else there  # all there: a crash came before the last word
    if free + there < size:
        text = f"There is room for {units.size(free)}; the image has {units.size(size)}."
        yield Finding(
            "stop", "The target has too little room.", text, "Make room there, or choose another place.", "disk-full"
        )
    else:
        yield Finding("ok", "The target has enough room.", f"{units.size(free)} are free there.")


def _stop_if_short(store: Store, size: int, ctx: Context) -> None:
    for found in _room(store, size, ctx):
        if found.grade == "stop":
            means = "Nothing is lost: the image is ready here, and the upload goes on once there is room."
            raise JobError(f"{found.title} {found.text}", found.remedy, means=means, topic=found.topic)


def _stop_if_changed(image: Path, known: dict[str, Any], ctx: Context) -> None:
    """An image that was changed after it was hashed would be sent in vain."""
    made = ctx.state.of("convert").get("made", {}).get("mtime")
    stamp = made if known.get("own") else next(iter(ctx.state.of("fetch").get("stamp") or ()), None)
    try:
        now = image.stat()
    except FileNotFoundError as exc:
        raise JobError(
            f"The image {image} is not there any more.",
            f"Put it back and go on; or take this export back (sandhopper undo {ctx.job.id}) and start a new one.",
            topic="changed",
        ) from exc
    if now.st_size != known["size"] or (stamp and now.st_mtime_ns != stamp):
        raise JobError(
            f"{image.name} on this computer was changed after it was converted and hashed.",
            f"Take this export back (sandhopper undo {ctx.job.id}) and start a new one.",
            means="Nothing more was sent: what would arrive is not what was checked.",
            topic="changed",
        )


def _fat(ctx: Context, size: int) -> Iterator[Finding]:
    folder = Path(url2pathname(urlsplit(ctx.job.target_folder).path))
    if size > FAT_LIMIT and host.filesystem(folder) in FAT:
        text = f"It is formatted as FAT, which holds no file above 4 GiB; the image has {units.size(size)}."
        yield Finding(
            "stop", "That disk cannot hold the image.", text, "Format it as exFAT or NTFS, or use another.", "fat"
        )


def _in_the_way(store: Store, ctx: Context) -> Iterator[Finding]:
    """A file of that name that somebody else put there would be replaced."""
    if store.abilities.whole or ctx.state.touched("upload"):
        return
    if store.size(_name(ctx)) is not None:
        yield Finding(
            "care",
            f"There is a file {_name(ctx)} at the target already.",
            "If it is not this very image, it is replaced once the new one is whole and proven.",
            "Choose another name if you want to keep it.",
            "replace",
        )


def _removed(store: Store, name: str, ctx: Context) -> None:
    try:
        store.remove(name)
    except Transient:
        raise
    except JobError as exc:
        with contextlib.suppress(JobError):
            if store.size(name) is None:
                return
        ctx.note(f"{name} stays at the target: {exc.message} Ask its people to delete it.")


STEP = Upload()
