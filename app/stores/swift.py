"""Swift, the object store of an OpenStack cloud: `swift://CLOUD/container/`, a name is an object's name.

A file is a static large object: segments in `CONTAINER_segments` and a manifest that is written anew after each
of them, so an upload goes on after any interruption (docs.openstack.org/swift, “Large Object Support”).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from app.clouds import Cloud
from app.clouds.threads import Feed
from app.errors import JobError, Transient
from app.stores import Abilities, Acked
from app.stores.ranges import ranged
from app.stores.remote import Remote
from app.stores.segments import Segment, Slices, kept, length

if TYPE_CHECKING:
    from app.context import Context

AGAIN = "It is gone on with from the last whole piece."


class Swift:
    """One container of one login at an OpenStack cloud; objects in it are named with *prefix* before them."""

    def __init__(self, url: str, ctx: Context) -> None:
        self.url, self.ctx = url, ctx
        parts = urlsplit(url)
        self.cloud = Cloud(unquote(parts.netloc), ctx)
        self.container, _, self.prefix = unquote(parts.path).lstrip("/").partition("/")
        self.abilities = Abilities()
        self._ready = False

    def open(self) -> None:
        """Log in, and make the two containers unless they are there (Swift: PUT is safe to repeat)."""
        if not self._ready:
            for name in (self.container, f"{self.container}_segments"):
                self.cloud.call("swift", "PUT", f"/{quote(name, safe='')}").close()
            self._ready = True

    def described(self, name: str) -> Remote | None:
        """What the store says about an object. Only one that is no large object has a hash of its content (MD5)."""
        answer = self.cloud.call("swift", "HEAD", self._path(name), ok=(404,))
        with closing(answer):
            if answer.status_code == 404:
                return None
            size, etag = int(answer.headers.get("Content-Length", 0)), answer.headers.get("Etag", "").strip('"')
        whole = not {"X-Static-Large-Object", "X-Object-Manifest"} & set(map(str.title, answer.headers))
        return Remote(f"{name} {etag}", size, "", "md5" if whole else "", etag if whole else "")

    def size(self, name: str) -> int | None:
        """Length in bytes, or None when there is no such object."""
        remote = self.described(name)
        return remote.size if remote else None

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from *offset* on."""
        size = self.size(name)
        if size is None:
            raise JobError(f"There is no “{name}” in {self.url}.", "Check its name.")
        yield from ranged(self.cloud, "swift", self._path(name), size, offset, length)

    def write(self, name: str, blocks: Iterator[bytes], offset: int, acked: Acked) -> None:
        """Keep the first *offset* bytes, add *blocks* in segments; each is compared by its MD5 before it counts."""
        self.open()
        before = self._segments(name)
        segments, begun = kept(before, offset)
        if offset and length(segments) + begun != offset:
            raise JobError(f"{name} has fewer than {offset} bytes in {self.url}.", "Start its upload again.")
        head = self.read(name, length(segments), begun) if begun else iter(())
        rest = Slices(chain(head, blocks))
        sent = self._send_all(name, segments, rest, begun, acked)
        if not sent and not rest.raised:
            self._shorten(name, segments)
        if sent or not rest.raised:
            for old in before:
                if old not in segments:
                    self._remove_segment(old)
        if rest.raised:
            raise rest.raised

    def rename(self, old: str, new: str) -> None:
        """Give an object its name: the same segments under another manifest."""
        if old == new:
            return
        segments, replaced = self._segments(old), self._segments(new)
        if not segments:
            self._copy_small(old, new)
        else:
            self._put_manifest(new, segments)
        self.cloud.call("swift", "DELETE", self._path(old), ok=(404,)).close()  # the manifest alone
        for one in replaced:
            self._remove_segment(one)

    def remove(self, name: str) -> None:
        """Delete an object with its segments; one that is gone already is fine."""
        self._drop(name, self._segments(name))

    def digest(self, name: str, length: int | None = None) -> str | None:
        """A cloud's object store computes no SHA-256."""
        return None

    def free(self) -> int | None:
        """A cloud does not say."""
        return None

    def close(self) -> None:
        """Let go of the connections."""
        self.cloud.close()
        self._ready = False

    def _send_all(self, name: str, segments: list[Segment], rest: Slices, known: int, acked: Acked) -> int:
        """Send segment after segment, *known* bytes of them were there before; returns how many segments.

        What was taken before trouble came is kept by a manifest, too.
        """
        before = len(segments)
        run = secrets.token_hex(6)
        while not rest.over:
            made = self._send(name, run, len(segments), rest)
            if made.size:
                segments.append(made)
                self._put_manifest(name, segments)
                acked(max(0, made.size - known))
                known = max(0, known - made.size)
        return len(segments) - before

    def _shorten(self, name: str, segments: list[Segment]) -> None:
        if segments:
            self._put_manifest(name, segments)
        else:
            self.cloud.call("swift", "PUT", self._path(name), data=b"").close()

    def _send(self, name: str, run: str, number: int, rest: Slices) -> Segment:
        path = f"/{self.container}_segments/{self.prefix}{name}/{run}/{number:04}"
        made, size, feed = hashlib.md5(usedforsecurity=False), 0, Feed()
        blocks = rest.next_slice(number)
        sender = None
        try:
            for block in blocks:
                sender = sender or self.cloud.begin("swift", "PUT", quote(path), data=feed, allow_reauth=False)
                if not feed.give(block, sender, self.ctx):
                    break
                made.update(block)
                size += len(block)
            if sender is None:
                return Segment(path, "", 0)
            feed.give(None, sender, self.ctx)
            with closing(sender.wait(self.ctx)) as answer:
                told = answer.headers.get("Etag", "").strip('"')
        finally:
            feed.drop()
        if told and told != made.hexdigest():
            self._remove_segment(Segment(path, told, size))
            raise Transient("A piece arrived damaged at the cloud.", AGAIN)
        return Segment(path, made.hexdigest(), size)

    def _put_manifest(self, name: str, segments: list[Segment]) -> None:
        body = [{"path": s.path, "etag": s.etag, "size_bytes": s.size} for s in segments]
        # a large object is called what its manifest was called when it came
        kind, manifest = {"Content-Type": "application/octet-stream"}, {"multipart-manifest": "put"}
        data = json.dumps(body).encode()
        self.cloud.call("swift", "PUT", self._path(name), data=data, headers=kind, params=manifest).close()

    def _segments(self, name: str) -> list[Segment]:
        """The segments of a large object of ours; empty for anything else."""
        answer = self.cloud.call("swift", "HEAD", self._path(name), ok=(404,))
        with closing(answer):
            if answer.headers.get("X-Static-Large-Object", "").lower() != "true":
                return []
        found: Any = self.cloud.call("swift", "GET", self._path(name), params={"multipart-manifest": "get"}).json()
        return [Segment(s["name"], s["hash"], int(s["bytes"])) for s in found]

    def _copy_small(self, old: str, new: str) -> None:
        if self.size(old) is None:
            raise JobError(f"There is no “{old}” in {self.url}.", "Upload it again.")
        data = b"".join(self.read(old))  # an empty object, or one that nobody but a test made without segments
        self.cloud.call("swift", "PUT", self._path(new), data=data).close()

    def _drop(self, name: str, segments: list[Segment]) -> None:
        self.cloud.call("swift", "DELETE", self._path(name), ok=(404,)).close()
        for one in segments:
            self._remove_segment(one)

    def _remove_segment(self, segment: Segment) -> None:
        self.cloud.call("swift", "DELETE", quote(segment.path), ok=(404,)).close()

    def _path(self, name: str) -> str:
        return f"/{quote(self.container, safe='')}/{quote(self.prefix + name, safe='')}"
