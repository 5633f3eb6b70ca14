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

from app import bandwidth, outlook, parts, place, targets
from app.addresses import ENDINGS
from app.bandwidth import Line
from app.context import Context, Finding
from app.errors import JobError, Transient
from app.outlook import Plan
from app.steps import Plain
from app.stores import Abilities, Store, open_store
from app.stores.trial import Trial
from app.throttle import Changing, wanted
from app.transfer import Wishes, copy, part_name, sidecar

FRESH = 30 * 60.0  # seconds for which a measured line is believed
ONE_TIME = Abilities(rename=False, resume=True, read=False, remove=False, size=True)


class Upload(Plain):
    """The step."""

    name = "upload"

    def check(self, ctx: Context) -> Iterator[Finding]:
        """Log in, try the place out and measure the line to it, and compare the room with the images."""
        size = sum(_known_sizes(ctx))
        if _one_time(ctx) and ctx.job.own_disks:
            title = "This target takes one file only, so disks of their own cannot be sent to it."
            remedy = "Merge them into the root disk, leave them out, or choose another target."
            yield Finding("stop", title, "", remedy, "own-disk")
            return
        with closing(_target(ctx)) as store:
            self._open(store, ctx)
            yield from (room := list(place.room(store, _images(ctx), size)))
            if any(finding.grade == "stop" for finding in room):
                return
            _learn(store, ctx)
            if line := _line(ctx):
                yield from outlook.findings(line, _plan(store, ctx))
            elif _one_time(ctx):
                yield _unmeasured()
                yield from outlook.unmeasured(_plan(store, ctx))
            yield from _no_rests(ctx)
            yield from place.read_back(store, size, _line(ctx), ctx)
            if _local(ctx):
                yield from place.on_fat(ctx, max(_known_sizes(ctx), default=0))
            for name in _names(ctx):
                yield from place.in_the_way(store, name, ctx)

    def run(self, ctx: Context) -> dict[str, Any]:
        """Copy what `convert` made, one image after the other; goes on where it stopped."""
        images = _images(ctx)
        for image in images:
            _stop_if_changed(image, ctx)
        with closing(_target(ctx)) as store:
            self._open(store, ctx)
            left = [image for image in images if not _arrived(image, ctx)]
            place.stop_if_short(store, left)
            found: dict[str, dict[str, Any]] = {}
            for image in left:
                facts = _sent(image, store, ctx)
                if len(images) > 1:
                    ctx.fact(**{parts.key("arrived", image["mount"]): facts})
                found[image["mount"]] = facts
        return parts.joined([_arrived(image, ctx) or found[image["mount"]] for image in images])

    def undo(self, ctx: Context) -> None:
        """Delete what is ours there: unfinished files, and the images when this job put them there."""
        if images := _images(ctx):
            with closing(_target(ctx)) as store:
                for name in [name for image in images for name in _ours(image, store, ctx)]:
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


def _sent(image: dict[str, Any], store: Store, ctx: Context) -> dict[str, Any]:
    """Copy one image and write its SHA-256 beside it; what came of it."""
    path, name, mount = Path(image["path"]), image["name"], image["mount"]
    if (fresh := parts.key("fresh", mount)) not in ctx.state.of("upload"):
        ctx.fact(**{fresh: not store.abilities.whole and store.size(name) is None})
    known: dict[str, Any] = {"sha256": image["sha256"], "mark": place.mark(image)}
    wishes: dict[str, Any] = {"wishes": _wishes(ctx), "verify": ctx.job.verify}
    wishes["fresh"] = ctx.state.of("upload")[fresh]
    with closing(open_store(path.parent.as_uri() + "/", ctx)) as here:
        try:
            done = copy(here, path.name, store, name, ctx, **known, **wishes)
        except JobError:
            if ctx.total == image["size"] <= ctx.done:
                ctx.fact(all_sent=True)
            raise
    plain = done.sha256 and not store.abilities.whole and not _one_time(ctx)
    return {
        "mount": mount,
        "url": ctx.job.target_folder + quote(name),
        "name": name,
        "size": image["size"],
        "sha256": done.sha256,
        "proof": done.proof,
        "grade": done.grade,
        "sent": done.sent,
        "seconds": round(done.seconds, 1),
        "sidecar": sidecar(store, name, done.sha256) if plain else "",
    }


def _wishes(ctx: Context) -> Wishes:
    """How fast it may go; in a one-time folder, and where only one stream is taken, a rest would be the end."""
    line, whole = _line(ctx), ctx.state.of("upload").get("abilities", {}).get("whole")
    target = targets.load(ctx.job.profile)
    expected = bandwidth.DERATING * line.median if line else 0.0
    pace = Changing(ctx.job, ctx.folder)
    return Wishes(
        lambda: pace.now, target.due(ctx.job.until, ctx.job.created), expected, rests=not (whole or target.one_time)
    )


def _arrived(image: dict[str, Any], ctx: Context) -> dict[str, Any]:
    """What came of an image that is there already, when an earlier run was stopped at a later one; else empty."""
    known: dict[str, Any] = ctx.state.of("upload").get(parts.key("arrived", image["mount"]), {})
    return known if known.get("sha256") and known["sha256"] == image["sha256"] else {}


def _images(ctx: Context) -> list[dict[str, Any]]:
    """The facts of the converted images; empty until they are finished (a crash may have left some of them)."""
    return parts.each(ctx.state.of("convert")) if ctx.state.is_done("convert") else []


def _names(ctx: Context) -> list[str]:
    """What the images are, or will be, called there."""
    if images := _images(ctx):
        return [image["name"] for image in images]
    format_ = ctx.job.format or targets.load(ctx.job.profile).formats[0]
    name = f"{ctx.job.image_name}.{ENDINGS[format_]}"
    return [parts.named(name, mount) for mount in (parts.SYSTEM, *ctx.job.own_disks)]


def _known_sizes(ctx: Context) -> list[int]:
    return [int(facts.get("size") or 0) for facts in _images(ctx) or parts.each(ctx.state.of("fetch"))]


def _one_time(ctx: Context) -> bool:
    return targets.load(ctx.job.profile).one_time


def _local(ctx: Context) -> bool:
    return ctx.job.target.startswith("file:")


def _line(ctx: Context) -> Line | None:
    known = ctx.state.of("upload").get("line")
    return Line.from_json(known) if known else None


def _plan(store: Store, ctx: Context) -> Plan:
    """What will be sent, as far as that can be known now, and how fast the person wants it."""
    images, fetched = _images(ctx), parts.each(ctx.state.of("fetch"))
    files = [Path(facts["path"]) for facts in images or fetched if facts.get("path")]
    if not files and ctx.job.source.startswith("file:"):
        files = [Path(url2pathname(urlsplit(ctx.job.source).path))]
    target = targets.load(ctx.job.profile)
    compress = ctx.job.compress and target.compress and (ctx.job.format or target.formats[0]) in ("qcow2", "vmdk")
    sent = sum(place.there(store, image) for image in images)
    due, throttle = target.due(ctx.job.until, ctx.job.created), wanted(ctx.job, ctx.folder)
    wished = Plan(sent=sent, until=due, throttle=throttle)
    return outlook.planned(files, _line(ctx), wished, ready=bool(images), compress=compress)


def _no_rests(ctx: Context) -> Iterator[Finding]:
    """Quiet hours in which nothing is sent, and a place that takes no upload in two parts."""
    if wanted(ctx.job, ctx.folder).pauses and not _wishes(ctx).rests:
        text = "A pause would end the upload there, and it would have to begin again."
        remedy = "Give the quiet hours a low limit in place of the pause, or begin when they are over."
        yield Finding("care", "This target cannot pause in the quiet hours.", text, remedy, "quiet")


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


def _stop_if_changed(known: dict[str, Any], ctx: Context) -> None:
    """An image that was changed after it was hashed would be sent in vain."""
    image, mount = Path(known["path"]), known["mount"]
    made = ctx.state.of("convert").get(parts.key("made", mount), {}).get("mtime")
    stamp = made if known.get("own") else next(iter(parts.of(ctx.state.of("fetch"), mount).get("stamp") or ()), None)
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


def _ours(image: dict[str, Any], store: Store, ctx: Context) -> list[str]:
    """The names of what this job put there. Where it was interrupted, somebody else may have the name by now."""
    name, mount, known = image["name"], image["mount"], ctx.state.of("upload")
    there, part = _arrived(image, ctx) or parts.of(known, mount), part_name(name, place.mark(image))
    sent = ctx.state.is_done("upload") and there.get("sent")
    if not sent and known.get(parts.key("fresh", mount)):
        sent = not store.abilities.rename or store.size(name) == image["size"]
    return [part, name, there.get("sidecar") or f"{name}.sha256"] if sent else [part]


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
