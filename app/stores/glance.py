"""Glance, the image service of an OpenStack cloud: `openstack://CLOUD/image/`, a name is an image's name or ID.

An image is written in one stream from first to last byte; the service can go on with nothing
(docs.openstack.org/api-ref/image/v2, “Upload binary image data”).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.clouds import Cloud, split
from app.errors import JobError
from app.stores import Abilities, Acked, Unseekable
from app.stores.glance_name import disk_format, title
from app.stores.glance_put import Upload
from app.stores.ranges import ranged
from app.stores.remote import Remote

if TYPE_CHECKING:
    from app.context import Context

MARK = "sandhopper"  # image property: made by this program, so it may be replaced and removed by name
UUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")


class Glance:
    """The images of one login at an OpenStack cloud."""

    def __init__(self, url: str, ctx: Context) -> None:
        self.url, self.ctx = url, ctx
        self.cloud = Cloud(split(url)[0], ctx)
        self.abilities = Abilities(rename=True, resume=False, whole=True)
        self.announced: dict[str, int] = {}
        self._proven: dict[str, str] = {}  # image id → SHA-256 of bytes whose own hash the cloud has confirmed

    def open(self) -> None:
        """Log in."""
        self.cloud.open()

    def announce(self, name: str, size: int) -> None:
        """Say how long *name* will be before it is written, so that the cloud can refuse it before any byte."""
        self.announced[name] = size

    def described(self, name: str) -> Remote | None:
        """What the cloud says about a whole image: size and its strongest hash (`os_hash_*`, else MD5)."""
        image = self._find(name)
        if not image or image["status"] != "active":
            return None
        algorithm, digest = image.get("os_hash_algo") or "", image.get("os_hash_value") or ""
        if not digest or algorithm not in hashlib.algorithms_available:
            algorithm, digest = "md5" if image.get("checksum") else "", image.get("checksum") or ""
        return Remote(image["id"], int(image.get("size") or 0), image.get("disk_format") or "", algorithm, digest)

    def size(self, name: str) -> int | None:
        """Length of a whole image in bytes, or None when there is none."""
        remote = self.described(name)
        return remote.size if remote else None

    def read(self, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """The bytes from *offset* on. A service that cannot begin in the middle is read and skipped to there."""
        remote = self.described(name)
        if remote is None:
            raise JobError(f"There is no whole image “{name}” at the cloud “{self.cloud.name}”.", "Check its name.")
        yield from ranged(self.cloud, "image", f"/images/{remote.id}/file", remote.size, offset, length)

    def write(self, name: str, blocks: Iterator[bytes], offset: int, acked: Acked) -> None:
        """Make the image *name* from *blocks*, see it whole and its hash right, then remove what it replaces."""
        if offset:
            raise Unseekable("An image in a cloud cannot be gone on with.", "It is sent again from the beginning.")
        old = self._ours(name)
        for image in old:
            if image["status"] != "active":  # what an interrupted upload left
                self._delete(image["id"])
        body = {"name": title(name), "disk_format": disk_format(name), "container_format": "bare", MARK: "yes"}
        body["visibility"] = "private"  # Glance's own default lets it be shared with other projects
        self.cloud.renew()
        made = self.cloud.read_json(self.cloud.call("image", "POST", "/images", json=body))
        upload = Upload(self.cloud, made["id"], self.announced.pop(name, None))
        self._proven[made["id"]] = upload.send(blocks, acked)
        for image in old:
            self._delete(image["id"])

    def describe(self, name: str, known: dict[str, str | int]) -> bool:
        """Set properties of an image; False when there is none of that name."""
        image = self._find(name)
        if image:
            self._patch(image["id"], [{"op": "add", "path": f"/{key}", "value": known[key]} for key in known])
        return bool(image)

    def _patch(self, image: str, patch: list[dict[str, Any]]) -> None:
        kind = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        self.cloud.call("image", "PATCH", f"/images/{image}", json=patch, headers=kind).close()

    def rename(self, old: str, new: str) -> None:
        """Give an image its name; another of this program's images with that name is removed afterwards."""
        image = self._find(old)
        if not image:
            raise JobError(f"There is no image “{old}” at the cloud “{self.cloud.name}”.", "Upload it again.")
        replaced = [i for i in self._ours(new) if i["id"] != image["id"]]
        self._patch(image["id"], [{"op": "replace", "path": "/name", "value": title(new)}])
        for other in replaced:
            self._delete(other["id"])

    def remove(self, name: str) -> None:
        """Delete this program's images of that name, or the one with that ID."""
        found = [{"id": name}] if UUID.fullmatch(name) else self._ours(name)
        for image in found:
            self._delete(image["id"])

    def digest(self, name: str, length: int | None = None) -> str | None:
        """SHA-256 of an image that this session wrote: the cloud confirmed another hash of the same bytes."""
        remote = self.described(name)
        if remote is None or length not in (None, remote.size):
            return None
        return remote.digest if remote.algorithm == "sha256" else self._proven.get(remote.id)

    def free(self) -> int | None:
        """A cloud does not say."""
        return None

    def close(self) -> None:
        """Let go of the connections."""
        self.cloud.close()

    def _find(self, name: str) -> dict[str, Any] | None:
        if UUID.fullmatch(name):
            return self.cloud.ask("image", f"/images/{name}")
        # names are not unique in a cloud: what is whole comes first, then what this program made, then the newest
        return min(self._named(name), key=lambda i: (i["status"] != "active", i.get(MARK) != "yes"), default=None)

    def _ours(self, name: str) -> list[dict[str, Any]]:
        return [i for i in self._named(name) if i.get(MARK) == "yes"]

    def _named(self, name: str) -> list[dict[str, Any]]:
        """The images of that name, the newest first."""
        wanted = title(name)
        found = self.cloud.ask("image", "/images", params={"name": wanted, "sort": "created_at:desc"}) or {}
        return [i for i in found.get("images", []) if i.get("name") == wanted]

    def _delete(self, image: str) -> None:
        with closing(self.cloud.call("image", "DELETE", f"/images/{quote(image)}", ok=(404,))):
            self._proven.pop(image, None)
