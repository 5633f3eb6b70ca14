"""Bring the disk image onto this computer, proven to be what the cloud holds; a file here is used where it lies."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from app import host, parts
from app.addresses import split_target
from app.context import Finding
from app.disk.image import Info, inspect
from app.download import Download
from app.errors import JobError
from app.journal import Facts
from app.steps import Plain
from app.stores import Store, open_store
from app.stores.remote import Describing, Remote
from app.units import size as words_for

if TYPE_CHECKING:
    from app.context import Context

KINDS = ("raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx")
SPARE = 64 << 20  # bytes left free for everything else on this computer


class Fetch(Plain):
    """The image, here."""

    name = "fetch"

    def check(self, ctx: Context) -> Iterator[Finding]:
        """See that the source is there, is a disk image, and has room here."""
        before = 0  # bytes that the disks already looked at will take here
        for source in _sources(ctx):
            try:
                if source["image"].startswith("file:"):
                    yield _seen(inspect(_path(source["image"]), ctx))
                else:
                    found, before = _far(source["image"], before, ctx)
                    yield from found
            except JobError as exc:
                if type(exc) is not JobError:  # a question, or a line that may come back
                    raise
                yield Finding("stop", exc.message, "", exc.remedy, exc.topic or "source")

    def run(self, ctx: Context) -> Facts:
        """Use the files where they lie, or bring them here; what is here whole already is only looked at."""
        return parts.joined([{"mount": s["mount"], **self._brought(s["image"], ctx)} for s in _sources(ctx)])

    def _brought(self, url: str, ctx: Context) -> Facts:
        if url.startswith("file:"):
            return _facts(inspect(_path(url), ctx), "", own=False)
        folder, name = split_target(url)
        with contextlib.closing(open_store(folder, ctx)) as store:
            remote = _described(store, name, url)
            download = Download(ctx, ctx.work, _stem(url, remote), remote)
            file, sha256 = download.fetch(store, name)
        expected = remote.format if remote.format in KINDS else ""
        return _facts(inspect(file, ctx, expected=expected), sha256, own=True)

    def undo(self, ctx: Context) -> None:
        """Delete what was brought here; a file that was used in place is the person's and stays."""
        for file in ctx.work.glob("source-*"):
            file.unlink(missing_ok=True)


def _sources(ctx: Context) -> list[Facts]:
    """The `mount` and the URL (`image`) of each disk; nothing when the snapshot has yet to be made."""
    made, source = ctx.state.of("snapshot"), urlsplit(ctx.job.source)
    if made.get("image"):
        return parts.each(made)
    if source.scheme == "ssh" or source.path.startswith("/server/"):
        return []
    return [{"mount": parts.SYSTEM, "image": ctx.job.source}]


def _path(url: str) -> Path:
    return Path(url2pathname(urlsplit(url).path))


def _stem(url: str, remote: Remote) -> str:
    """A name that another image's unfinished download can never have."""
    digest = hashlib.sha256(f"{url} {remote.id} {remote.size}".encode()).hexdigest()[:8]
    return f"source-{digest}.{remote.format if remote.format in KINDS else 'img'}"


def _described(store: Store, name: str, url: str) -> Remote:
    remote = store.described(name) if isinstance(store, Describing) else None
    if remote is None and urlsplit(url).path.startswith("/volume/"):
        text = "The disk of a cloud volume cannot be fetched yet; that comes in a later version."
        raise JobError(text, "Make an image of the volume on the cloud's web page, and start from that.")
    if remote is None:
        text = f"The image {url} is not there, or not whole yet."
        raise JobError(text, "Look at it on the cloud's web page, or choose another one.", topic="image")
    if not remote.size:
        remedy = "It is only a note about a volume's snapshot. Choose the machine itself as the source."
        raise JobError(f"The image {url} holds no data.", remedy, topic="volume-boot")
    return remote


def _seen(info: Info) -> Finding:
    text = f"{words_for(info.size)} in the file, {words_for(info.virtual_size)} when unpacked."
    return Finding("ok", f"{info.path.name} is a disk image ({info.format}).", text, facts=_facts(info, "", own=False))


def _far(url: str, before: int, ctx: Context) -> tuple[list[Finding], int]:
    """What the cloud says of an image, and the bytes that it and those *before* will still take here."""
    folder, name = split_target(url)
    with contextlib.closing(open_store(folder, ctx)) as store:
        remote = _described(store, name, url)
    free, need = host.free_space(ctx.folder), before + remote.size - _bytes_here(ctx, _stem(url, remote))
    found = [Finding("ok", f"The image was found in the cloud ({words_for(remote.size)}).")]
    if need + SPARE > free:
        more = words_for(need + SPARE - free)
        text = f"The image has {words_for(remote.size)}; {words_for(free)} are free in {ctx.folder}."
        remedy = f"Make room for {more} more."
        found.insert(0, Finding("stop", "It does not fit onto this computer.", text, remedy, "disk-full"))
    return found, need


def _bytes_here(ctx: Context, stem: str) -> int:
    return sum(f.stat().st_blocks * 512 if hasattr(f.stat(), "st_blocks") else 0 for f in ctx.work.glob(f"{stem}*"))


def _facts(info: Info, sha256: str, *, own: bool) -> Facts:
    """What the later steps need; *stamp* tells whether someone has changed the file since."""
    now = info.path.stat()
    return {
        "path": str(info.path),
        "size": info.size,
        "format": info.format,
        "virtual_size": info.virtual_size,
        "sha256": sha256,
        "own": own,
        "stamp": [now.st_mtime_ns, now.st_size, now.st_ino],
    }


STEP = Fetch()
