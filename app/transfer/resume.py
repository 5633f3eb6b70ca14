"""Where an upload may go on: what lies there already is compared with the image before a byte is added to it."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from app.context import Context
from app.errors import JobError, Transient
from app.stores import Store
from app.transfer.proof import MIB, Original, first_difference, samples

REWIND = 8 * MIB  # bytes that are written again where nobody may read; more than is ever in flight
TAIL = MIB  # bytes before the end that are compared: there a broken line leaves its traces
INSIDE = 8  # samples before that
COMPARING = "Comparing what is already there"


@runtime_checkable
class Spread(Protocol):
    """A store that writes at several places at once: an interrupted file may have gaps in its last *spread* bytes."""

    spread: int


def resume_at(file: Original, target: Store, part: str, ctx: Context) -> int:
    """The number of bytes of *part* that are there and right; 0 after saying why when they are not."""
    can = target.abilities
    have = target.size(part) if can.size and not can.whole else None
    if not have:
        return 0
    if have > file.size:
        return _restart(target, part, ctx, f"{have:,} bytes are there, more than the image has")
    if not can.resume and have < file.size:
        return _restart(target, part, ctx, "the place lets no upload go on")
    spread = target.spread if isinstance(target, Spread) else 0
    at, compared = _first_wrong(file, target, part, have, max(TAIL, spread), ctx)
    if at and can.resume:
        ctx.note(f"What is there differs from the image at byte {at:,}. The upload goes on from there.")
        return at
    if at is not None:
        return _restart(target, part, ctx, f"what is there differs from the image at byte {at:,}")
    if compared:
        return have
    return max(0, have - max(REWIND, spread)) if can.resume else have


def _first_wrong(
    file: Original, target: Store, part: str, have: int, end: int, ctx: Context
) -> tuple[int | None, bool]:
    """The first wrong byte, if any was found, and whether it could be looked at all.

    The last *end* bytes are read, and samples before them. A wrong byte among the last ones is what a cut line
    leaves; where there is one before them, everything is read up to it, which is faster than to send all again.
    """
    ctx.begin(COMPARING)
    shown = target.digest(part, have) if file.here else None
    if shown is not None:
        sha = file.beginning(have, ctx)
        if sha and sha.hexdigest() == shown:
            return None, True
    tail = max(0, have - end)
    if not target.abilities.read:
        return (
            (tail if _right_until(file, target, part, tail, ctx) else 0, True) if shown is not None else (None, False)
        )
    places = [*((at, length) for at, length in samples(tail, 1 << 16, INSIDE)), (tail, have - tail)]
    try:
        at = _compared(file, target, part, places, ctx)
        if shown is None and (at is None or at >= tail):
            return at, True
        if at is not None and at >= tail and _right_until(file, target, part, at, ctx):
            return at, True
        first = _compared(file, target, part, [(0, have if at is None else at)], ctx)
    except Transient:
        raise
    except JobError:
        return (None, False) if shown is None else (0, True)
    return (at or 0) if first is None else first, True


def _compared(file: Original, target: Store, part: str, places: list[tuple[int, int]], ctx: Context) -> int | None:
    ctx.begin(COMPARING, sum(length for _, length in places))
    return first_difference(file, target, part, places, ctx)


def _right_until(file: Original, target: Store, part: str, at: int, ctx: Context) -> bool:
    """Whether the far side's SHA-256 does not gainsay that everything before *at* is right."""
    ctx.begin(COMPARING)
    shown = target.digest(part, at) if file.here else None
    if shown is None:
        return True
    sha = file.beginning(at, ctx)
    return sha is not None and sha.hexdigest() == shown


def _restart(target: Store, part: str, ctx: Context, why: str) -> int:
    ctx.note(f"The upload begins again from the start, because {why}.")
    if target.abilities.remove:
        target.remove(part)
    return 0
