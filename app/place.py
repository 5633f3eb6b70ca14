"""What the place of an upload has to say beforehand: room, names that are taken, and how the copy will be proven."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import host, units
from app.bandwidth import Line, forecast, span
from app.context import Context, Finding
from app.errors import JobError
from app.stores import Store
from app.transfer import part_name

FAT_LIMIT = (1 << 32) - 1  # bytes
FAT = ("vfat", "msdos", "fat", "fat32", "fat16")
BIG = 1 << 30  # bytes; less is read back in a moment


def room(store: Store, images: Sequence[dict[str, Any]], size: int) -> Iterator[Finding]:
    """Whether *size* bytes fit, less what lies there already of *images*."""
    free = store.free()
    if free is None or not size:
        return
    lies = sum(there(store, image) for image in images)
    if free + lies < size:
        text = f"There is room for {units.size(free)}; the image has {units.size(size)}."
        yield Finding(
            "stop", "The target has too little room.", text, "Make room there, or choose another place.", "disk-full"
        )
    else:
        yield Finding("ok", "The target has enough room.", f"{units.size(free)} are free there.")


def there(store: Store, image: dict[str, Any]) -> int:
    """The bytes of an image that lie there; all of them when a crash came before the last word."""
    if store.size(image["name"]) == image["size"]:
        return int(image["size"])
    return store.size(part_name(image["name"], mark(image))) or 0


def mark(image: dict[str, Any]) -> str:
    """What keeps the unfinished file apart from another image's; a file that was not hashed yet has a mark instead."""
    return str(image.get("sha256") or image.get("mark", ""))


def stop_if_short(store: Store, images: Sequence[dict[str, Any]]) -> None:
    """Raise `JobError` where *images* do not fit."""
    for found in room(store, images, sum(image["size"] for image in images)):
        if found.grade == "stop":
            means = "Nothing is lost: the image is ready here, and the upload goes on once there is room."
            raise JobError(f"{found.title} {found.text}", found.remedy, means=means, topic=found.topic)


def on_fat(ctx: Context, size: int) -> Iterator[Finding]:
    """Whether an image of *size* bytes goes on a disk of this computer that may be formatted as FAT."""
    folder = Path(url2pathname(urlsplit(ctx.job.target_folder).path))
    if size > FAT_LIMIT and host.filesystem(folder) in FAT:
        text = f"It is formatted as FAT, which holds no file above 4 GiB; the image has {units.size(size)}."
        yield Finding(
            "stop", "That disk cannot hold the image.", text, "Format it as exFAT or NTFS, or use another.", "fat"
        )


def read_back(store: Store, size: int, line: Line | None, ctx: Context) -> Iterator[Finding]:
    """All of a big image comes back where the server cannot prove it: that takes time, and costs where bytes do."""
    if ctx.job.verify in ("auto", "whole") and size > BIG and store.abilities.only_read_back:
        text = f"The server computes no SHA-256, so all {units.size(size)} are read back once they are there. "
        text += f"{back_again(size, line)} Only samples are read with --verify sampled; they may miss a wrong byte."
        yield Finding("ok", "The copy will be proven by reading it back.", text)


def back_again(size: int, line: Line | None) -> str:
    """How long it takes to read *size* bytes back, as far as the way there tells of the way back."""
    if not line or line.median <= 0:
        return "Where the way back is no faster than the way there, that takes as long again."
    return f"Where the way back is no faster than the way there, that takes {span(*forecast(size, line))} more."


def removed_since(name: str) -> JobError:
    """The image *name*, which was proven to be there, is there no more."""
    return JobError(
        f"The image “{name}” is not in the cloud any more: somebody or something removed it.",
        "Ask who did. The image here is as it was; a new export sends it again.",
        means="Nothing else was touched.",
        topic="image",
    )


def in_the_way(store: Store, name: str, ctx: Context) -> Iterator[Finding]:
    """A file of that name that somebody else put there would be replaced."""
    if store.abilities.whole or ctx.state.touched("upload"):
        return
    if store.size(name) is not None:
        yield Finding(
            "care",
            f"There is a file {name} at the target already.",
            "If it is not this very image, it is replaced once the new one is whole and proven.",
            "Choose another name if you want to keep it.",
            "replace",
        )
