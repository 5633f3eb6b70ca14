"""The end of an upload: what arrived is proven, and only then gets its name. Nothing half-done may look done."""

from __future__ import annotations

import contextlib

from app.context import Context
from app.errors import JobError, Transient
from app.stores import Store
from app.transfer.proof import Original, Proof, prove
from app.units import size as words

MOVED = "The server accepted the whole image and has moved it away, so nobody can look at it any more."
UNSEEN = "The server accepted the whole image; it lets nobody look at it."


def proven(
    file: Original, target: Store, part: str, ctx: Context, verify: str, offset: int, again: int | None
) -> Proof:
    """The proof of *part*, of which the bytes from *offset* on were sent just now, *again* from there if not None.

    A proof whose `wrong` is set says `at` which byte it has to be sent again from: a wrong byte may be the fault of
    a moment. A second one behind it is not: then *part* is deleted. Raises `JobError` or `Transient`.
    """
    have = _length(target, part) if target.abilities.size else None
    if have is None:
        if target.abilities.size and not _may_vanish(target):
            raise _vanished(part)
        return Proof("accepted", MOVED if target.abilities.size else UNSEEN)
    if have != file.size:
        raise Transient(
            f"The other side holds {words(have)} of {words(file.size)} although it said it was done.",
            "What is missing is sent again.",
        )
    found = prove(file, target, part, ctx, verify)
    if found.wrong is None:
        return found
    if found.at is not None and target.abilities.resume and (again is None or found.at < again):
        ctx.note(f"What lies there differs from the image at byte {found.at:,}. It is sent again from there.")
        return found
    discard(target, part)
    raise _wrong(part, found.wrong, resumed=offset > 0 and again is None)


def _may_vanish(target: Store) -> bool:
    """Whether files are taken away there as soon as they are whole: such a one has its own name from the start."""
    return target.abilities.whole or not target.abilities.rename


def _length(target: Store, part: str) -> int | None:
    try:
        return target.size(part)
    except JobError as exc:
        if exc.topic == "no-folder" and _may_vanish(target):
            return None
        raise


def publish(target: Store, part: str, new_name: str, size: int, *, fresh: bool) -> None:
    """Give the proven *part* its name; *fresh*: nobody had this name when the job began."""
    if fresh:
        stop_if_taken(target, new_name, part)
    try:
        target.rename(part, new_name)
        have = target.size(new_name)
        if have is None and target.size(part) is not None:
            raise JobError("the server says that it did, but it still has the old name.")
    except Transient:
        raise
    except JobError as exc:
        raise JobError(
            f"The image is complete and proven at the other side, but may not get its name: {exc.message}",
            f"Ask the people who run it to rename {part} to {new_name}, or allow it and go on with the job.",
            means=f"The whole image lies there as {part}.",
            topic="rename",
        ) from exc
    if have is not None and have != size:
        raise Transient(f"{new_name} is {words(have)} long after it was given its name.", "It is looked at again.")


def stop_if_taken(target: Store, new_name: str, part: str = "") -> None:
    """A file that somebody put there while this job was under way is not replaced; *part* is there and proven."""
    if target.abilities.size and target.size(new_name) is not None:
        there = f" The whole image lies there as {part}, and is proven." if part else ""
        raise JobError(
            f"Somebody has put another file {new_name} there since this job began.",
            "Ask whose it is, and give it another name; then go on with the job.",
            means=f"That file was left as it is.{there}",
            topic="replace",
        )


def discard(target: Store, name: str) -> None:
    """Delete what is of no use; what cannot be deleted stays."""
    with contextlib.suppress(JobError):
        target.remove(name)


def _vanished(part: str) -> JobError:
    return JobError(
        f"The server confirmed the whole image, but {part} is not there any more: somebody or something took it away.",
        "Ask the people who run it whether they have it. If not, go on with the job: it is sent again.",
        means="The image here is as it was.",
        topic="one-time",
    )


def _wrong(part: str, what: str, *, resumed: bool) -> JobError:
    where = f"{part} at the other side differs from the image here ({what})."
    means = "The wrong file was deleted there. The image here is as it was."
    if resumed:
        return Transient(where, "It is sent again from the start.", means=means)
    remedy = "Start again; if it happens twice, the other side's disk or something on the way is suspect."
    return JobError(where, remedy, means=means, topic="mismatch")
