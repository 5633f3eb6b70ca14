"""Run `qemu-img` with progress and cancel, and say its errors in words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from app import host
from app.context import Context
from app.disk.formats import DRIVERS
from app.errors import JobError
from app.units import plain

_PERCENT = re.compile(rb"\(\s*(\d+\.\d+)/100%\)")
_FULL = ("No space left on device", "Disk quota exceeded", "File too large")
_DAMAGED = ("Could not open", "corrupt", "Invalid", "Input/output error", "invalid", "is too large", "read-only but")


class FullDiskError(JobError):
    """This computer's disk has no room for the result."""


def run(ctx: Context, *args: str, total: int = 0) -> tuple[int, str, str]:
    """Run `qemu-img` *args* and return (exit status, output, errors); it ends when the person cancels.

    With *total*, the percentage that `-p` prints is reported as so many of *total* bytes of the current phase.
    """
    status, out, err = ctx.ended(
        host.need_tool("qemu-img"), *args, watch=(lambda said: _tell(ctx, said, total)) if total else None
    )
    if total and status == 0:
        ctx.at(total)
    return status, out.decode(errors="replace"), err.decode(errors="replace").strip()


def ask(ctx: Context, verb: str, path: Path, format_: str, *args: str) -> dict[str, Any]:
    """The JSON answer of `qemu-img` *verb* about an image of a known kind; `JobError` when it cannot be read."""
    driver = ["-f", DRIVERS[format_]]
    status, out, err = run(ctx, verb, *driver, *args, "--output=json", str(path.absolute()))
    try:
        answer = json.loads(out)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise trouble(path, err or f"exit status {status}")
    return answer


def trouble(path: Path, words: str) -> JobError:
    """What `qemu-img` said about reading *path*, as an error for the person."""
    said = _short(words)
    if any(sign in words for sign in _FULL):
        return FullDiskError(f"The disk of this computer is full ({said}).", "Make room, then go on.", topic="space")
    if "lock" in words and "another process" in words:
        return JobError(
            f"{plain(path.name)} is in use by another program, perhaps a running machine.",
            "Switch that machine off first: a disk that is written to meanwhile would arrive torn.",
            means="It was not touched.",
            topic="in-use",
        )
    if any(sign in words for sign in _DAMAGED):
        return JobError(
            f"{plain(path.name)} is damaged or not whole: {said}.",
            "Fetch or copy it again from where it comes from, and compare its length and checksum with the original.",
            means="This copy cannot be used; nothing was changed.",
            topic="damaged",
        )
    return JobError(f"{plain(path.name)} could not be read: {said}.", "Look at the details, then try again.")


def _short(words: str) -> str:
    """The last line of what a program said, without its own name and the path it repeats."""
    last = words.strip().splitlines()[-1] if words.strip() else "no reason was given"
    return plain(re.sub(r"^qemu-img: |'?/[^']*/(?=[^/']+'?)", "", last)).rstrip(".")[:300]


def _tell(ctx: Context, said: bytes, total: int) -> None:
    if found := _PERCENT.findall(said):
        ctx.at(max(ctx.done, int(float(found[-1]) / 100 * total)))
