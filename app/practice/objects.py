"""The practice cloud's Swift: containers, objects, and large objects made of segments (SLO)."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

from app import host
from app.practice.http import Refused, Request, file_blocks

BINARY = "application/octet-stream"
MISSING = "The resource could not be found."
SEEN = ("content_type", "at")


class Objects:
    """All containers of the account; an object is a file of bytes and a file that says what it is."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def route(self, request: Request, path: str) -> None:
        """Answer one request below /swift/v1/AUTH_…/."""
        _, _, *rest = path.split("/", 3)
        container = rest[0] if rest else ""
        name = rest[1] if len(rest) > 1 else ""
        if not container:
            return request.say(None, 204)
        if not name:
            return self._container(request, container)
        handlers = {"PUT": self._put, "GET": self._get, "HEAD": self._get, "DELETE": self._delete}
        if request.command not in handlers:
            raise Refused(405, "Method not allowed")
        return handlers[request.command](request, container, name)

    def _container(self, request: Request, container: str) -> None:
        folder = self._folder(container)
        if request.command == "PUT":
            there = folder.is_dir()
            host.private_folder(folder)
            return request.say(None, 202 if there else 201)
        if not folder.is_dir():
            raise Refused(404, MISSING)
        if request.command == "DELETE":
            if any(folder.iterdir()):
                raise Refused(409, "There was a conflict when trying to complete your request.")
            folder.rmdir()
        return request.say(None, 204)

    def _put(self, request: Request, container: str, name: str) -> None:
        if not self._folder(container).is_dir():
            raise Refused(404, MISSING)
        if request.query.get("multipart-manifest") == "put":
            return self._put_manifest(request, container, name)
        made, size = hashlib.md5(usedforsecurity=False), 0
        bytes_, facts = self._files(container, name)
        part = bytes_.with_suffix(f".part{request.server.count()}")
        with part.open("wb") as file:
            for block in request.blocks():
                file.write(block)
                made.update(block)
                size += len(block)
        if request.headers.get("ETag", made.hexdigest()).strip('"') != made.hexdigest():
            part.unlink()
            raise Refused(422, "Unable to process the contained instructions")
        part.replace(bytes_)
        self._note(request, facts, {"name": name, "size": size, "etag": made.hexdigest()})
        return request.say(None, 201, Etag=made.hexdigest(), Last_Modified=formatdate(usegmt=True))

    def _put_manifest(self, request: Request, container: str, name: str) -> None:
        segments = request.json_body()
        if not isinstance(segments, list) or len(segments) > 1000:
            raise Refused(400, "Number of segments must be less than or equal to 1000")
        for one in segments:
            there = self._segment(one)
            one |= {"etag": there["etag"], "size_bytes": there["size"], **{key: there.get(key) for key in SEEN}}
        etag = hashlib.md5("".join(s["etag"] for s in segments).encode(), usedforsecurity=False).hexdigest()
        size = sum(s["size_bytes"] for s in segments)
        made = {"name": name, "size": size, "etag": f'"{etag}"', "segments": segments}
        self._note(request, self._files(container, name)[1], made)
        request.say(None, 201, Etag=f'"{etag}"', Last_Modified=formatdate(usegmt=True))

    def _segment(self, wish: dict[str, Any]) -> dict[str, Any]:
        """The facts of an object that a manifest names, if they are as it says."""
        try:
            there = self._facts(*str(wish["path"]).lstrip("/").split("/", 1))
        except Refused:
            raise Refused(400, f"Errors:\n{wish['path']}, 404 Not Found\n") from None
        if wish.get("etag") not in (None, there["etag"]) or wish.get("size_bytes") not in (None, there["size"]):
            raise Refused(400, f"Errors:\n{wish['path']}, Etag Mismatch\n")
        return there

    def _note(self, request: Request, file: Path, facts: dict[str, Any]) -> None:
        """Keep what an object is. It is called what its sender called it (Swift: also a large object's content)."""
        kind = request.headers.get("Content-Type") or BINARY
        host.write_whole(file, json.dumps({**facts, "content_type": kind, "at": time.time()}).encode())

    def _get(self, request: Request, container: str, name: str) -> None:
        facts = self._facts(container, name)
        if request.query.get("multipart-manifest") == "get" and "segments" in facts:
            return request.say([_listed(segment) for segment in facts["segments"]], X_Static_Large_Object="True")
        more = {"Etag": facts["etag"], "Content_Type": facts.get("content_type", BINARY), **_times(facts)}
        if "segments" in facts:
            more |= {"X_Static_Large_Object": "True", "X_Manifest_Etag": facts["etag"].strip('"')}
        return request.send_blocks(self._blocks(facts, container), facts["size"], **more)

    def _blocks(self, facts: dict[str, Any], container: str) -> Iterator[bytes]:
        if "segments" not in facts:
            yield from file_blocks(self._files(container, facts["name"])[0])
        for one in facts.get("segments", ()):
            yield from file_blocks(self._files(*one["path"].lstrip("/").split("/", 1))[0])

    def _delete(self, request: Request, container: str, name: str) -> None:
        facts = self._facts(container, name)
        if request.query.get("multipart-manifest") == "delete":
            for one in facts.get("segments", ()):
                self._drop(*one["path"].lstrip("/").split("/", 1))
        self._drop(container, name)
        if request.query.get("multipart-manifest") == "delete":
            return request.words(
                f"Number Deleted: {1 + len(facts.get('segments', ()))}\nResponse Status: 200 OK\nErrors:\n"
            )
        return request.say(None, 204)

    def _drop(self, container: str, name: str) -> None:
        for file in self._files(container, name):
            file.unlink(missing_ok=True)

    def _facts(self, container: str, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._files(container, name)[1].read_text()))
        except OSError:
            raise Refused(404, MISSING) from None

    def _files(self, container: str, name: str) -> tuple[Path, Path]:
        key = hashlib.sha256(name.encode()).hexdigest()[:32]
        folder = self._folder(container)
        return folder / f"{key}.bytes", folder / f"{key}.json"

    def _folder(self, container: str) -> Path:
        return self.home / hashlib.sha256(container.encode()).hexdigest()[:16]


def _listed(segment: dict[str, Any]) -> dict[str, Any]:
    """A segment as Swift tells it when a manifest is read."""
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000000", time.gmtime(segment.get("at", 0)))
    told = {"name": segment["path"], "bytes": segment["size_bytes"], "hash": segment["etag"]}
    return {**told, "content_type": segment.get("content_type", BINARY), "last_modified": at}


def _times(facts: dict[str, Any]) -> dict[str, str]:
    at = facts.get("at", 0.0)
    return {"Last_Modified": formatdate(at, usegmt=True), "X_Timestamp": f"{at:.5f}", "Accept_Ranges": "bytes"}
