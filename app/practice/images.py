"""The practice cloud's Glance: images in files; the state of a snapshot follows from the time since it began."""

from __future__ import annotations

import hashlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import host
from app.practice.http import Refused, Request, file_blocks

QUEUED, SAVING = 0.5, 2.0  # seconds after its beginning until a snapshot is being saved, and whole
HIDDEN = ("began", "fate")


class Images:
    """All images of the project. *pace* stretches the time that a snapshot takes."""

    def __init__(self, home: Path) -> None:
        self.home = host.private_folder(home)
        self.pace = 1.0
        self._lock = threading.RLock()

    def route(self, request: Request, path: str) -> None:
        """Answer one request below /image/."""
        match [request.command, *path.strip("/").split("/")]:
            case ["GET", "v2", "images"]:
                wanted = request.query.get("name")
                found = [i for i in self.all() if wanted in (None, i["name"])]
                request.say({"images": found, "schema": "/v2/schemas/images", "first": "/v2/images"})
            case ["POST", "v2", "images"]:
                made = self.shown(self.make(request.json_body()))
                request.say(made, 201, Location=f"http://{request.headers['Host']}/image{made['self']}")
            case ["GET", "v2", "images", image]:
                request.say(self.get(image))
            case ["PATCH", "v2", "images", image]:
                request.say(self.change(image, request.json_body()))
            case ["DELETE", "v2", "images", image]:
                self.delete(image)
                request.say(None, 204)
            case ["GET", "v2", "images", image, "file"]:
                self._send(request, self.get(image))
            case ["PUT", "v2", "images", image, "file"]:
                self._take(request, image)
            case [_, "v2", "images", _, "file"]:
                raise Refused(405, "The method is not allowed for this resource.")
            case _:
                raise Refused(404, "The resource could not be found.")

    def all(self) -> list[dict[str, Any]]:
        """Every image, the newest first."""
        found = [self.shown(self._load(f.stem)) for f in self.home.glob("*.json")]
        return sorted((i for i in found if i), key=lambda i: str(i["created_at"]), reverse=True)

    def get(self, image: str) -> dict[str, Any]:
        """One image as it is now, or 404."""
        if not (made := self.shown(self._load(image))):
            raise Refused(404, f"No image found with ID {image}")
        return made

    def make(self, wishes: dict[str, Any], **more: Any) -> dict[str, Any]:
        """A new image without bytes."""
        now = time.time()
        made = {
            "id": str(uuid.uuid4()),
            "name": None,
            "disk_format": None,
            "container_format": None,
            "status": "queued",
            "size": None,
            "virtual_size": None,
            "checksum": None,
            "os_hash_algo": None,
            "os_hash_value": None,
            "min_disk": 0,
            "min_ram": 0,
            "visibility": "shared",  # Glance's default: nobody else sees it until it is shared with them
            "protected": False,
            "os_hidden": False,
            "owner": "practice",
            "tags": [],
            "created_at": stamp(now),
            "updated_at": stamp(now),
            **wishes,
            **more,
        }
        self._save(made)
        return made

    def path(self, image: str) -> Path:
        """The file of an image's bytes."""
        return self.home / f"{image}.raw"

    def keep(self, image: str, blocks: Iterator[bytes], **more: Any) -> dict[str, Any]:
        """Give an image its bytes and what follows from them."""
        size = 0
        sums = hashlib.md5(usedforsecurity=False), hashlib.sha512()
        part = self.path(image).with_suffix(".part")
        with part.open("wb") as file:
            for block in blocks:
                file.write(block) if block.strip(b"\0") else file.seek(len(block), 1)
                size += len(block)
                for one in sums:
                    one.update(block)
            file.truncate(size)
        told = {"checksum": sums[0].hexdigest(), "os_hash_algo": "sha512", "os_hash_value": sums[1].hexdigest()}
        told["stores"] = "practice"
        with self._lock:
            part.replace(self.path(image))
            return self._update(image, **{**told, "size": size, "updated_at": stamp(time.time()), **more})

    def shown(self, kept: dict[str, Any]) -> dict[str, Any]:
        """What a client sees of it at this moment; empty when there is nothing to be seen."""
        made = {k: v for k, v in kept.items() if k not in HIDDEN}
        paths = {"self": f"/v2/images/{kept.get('id')}", "file": f"/v2/images/{kept.get('id')}/file"}
        if "began" not in kept:
            return {**made, **paths, "schema": "/v2/schemas/image"} if kept else {}
        age, fate = (time.time() - kept["began"]) / max(self.pace, 1e-6), kept.get("fate", "active")
        if age >= SAVING and fate == "gone":
            return {}
        made["status"] = "queued" if age < QUEUED else "saving" if age < SAVING else fate
        if age < SAVING or fate != "active":
            made |= dict.fromkeys(("size", "virtual_size", "checksum", "os_hash_algo", "os_hash_value"))
            made.pop("stores", None)
        if made["status"] == "empty":
            made |= {"status": "active", "size": 0}
        return {**made, **paths, "schema": "/v2/schemas/image"}

    def change(self, image: str, patch: list[dict[str, Any]]) -> dict[str, Any]:
        """Apply a JSON patch (add, replace and remove at the top level)."""
        self.get(image)
        made = self._load(image)
        for one in patch:
            key = str(one["path"]).lstrip("/")
            if one["op"] == "remove":
                made.pop(key, None)
            else:
                made[key] = one["value"]
        self._save({**made, "updated_at": stamp(time.time())})
        return self.get(image)

    def delete(self, image: str) -> None:
        """Remove an image and its bytes; 404 when there is none."""
        self.get(image)
        with self._lock:
            for file in (self.home / f"{image}.json", self.path(image)):
                file.unlink(missing_ok=True)

    def _send(self, request: Request, image: dict[str, Any]) -> None:
        if image["status"] != "active" or not image["size"]:
            return request.say(None, 204)
        kind = {"Content_Type": "application/octet-stream", "Content_MD5": image["checksum"]}
        return request.send_blocks(file_blocks(self.path(image["id"])), image["size"], **kind)

    def _take(self, request: Request, image: str) -> None:
        with self._lock:
            if (now := self.get(image)["status"]) != "queued":
                raise Refused(409, f"Image status transition from {now} to saving is not allowed")
            self._update(image, status="saving")
        try:
            kept = self.keep(image, request.blocks(), status="active")
        except (ConnectionError, TimeoutError, Refused):
            self.path(image).with_suffix(".part").unlink(missing_ok=True)
            self._update(image, status="queued", size=None)  # as Glance does with an unfinished image
            raise
        if not kept:
            raise Refused(410, f"Image {image} was deleted during the upload")
        request.say(None, 204)

    def _update(self, image: str, **more: Any) -> dict[str, Any]:
        """Change an image unless it is gone; empty when it is."""
        with self._lock:
            made = self._load(image)
            if made:
                made |= more
                self._save(made)
            else:
                self.path(image).unlink(missing_ok=True)
            return made

    def _load(self, image: str) -> dict[str, Any]:
        try:
            return dict(json.loads((self.home / f"{uuid.UUID(image)}.json").read_text()))
        except (OSError, ValueError):
            return {}

    def _save(self, made: dict[str, Any]) -> None:
        host.write_whole(self.home / f"{made['id']}.json", json.dumps(made).encode())


def stamp(at: float) -> str:
    """A time as Glance writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
