"""The practice cloud's Swift: containers, objects, and large objects made of segments (SLO)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app import host
from app.practice.http import Refused, Request, file_blocks


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
            host.private_folder(folder)
            return request.say(None, 201)
        if not folder.is_dir():
            raise Refused(404, "Not Found")
        return request.say(None, 204)

    def _put(self, request: Request, container: str, name: str) -> None:
        if not self._folder(container).is_dir():
            raise Refused(404, "Not Found")
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
            raise Refused(422, "Unprocessable Entity")
        part.replace(bytes_)
        host.write_whole(facts, json.dumps({"name": name, "size": size, "etag": made.hexdigest()}).encode())
        return request.say(None, 201, Etag=made.hexdigest())

    def _put_manifest(self, request: Request, container: str, name: str) -> None:
        segments = request.json_body()
        if not isinstance(segments, list) or not 0 < len(segments) <= 1000:
            raise Refused(400, "Number of segments must be between 1 and 1000")
        for one in segments:
            there = self._facts(*str(one["path"]).lstrip("/").split("/", 1))
            if one.get("etag") not in (None, there["etag"]) or one.get("size_bytes") not in (None, there["size"]):
                raise Refused(400, f"Errors: {one['path']}, Etag Mismatch")
            one |= {"etag": there["etag"], "size_bytes": there["size"]}
        etag = hashlib.md5("".join(s["etag"] for s in segments).encode(), usedforsecurity=False).hexdigest()
        size = sum(s["size_bytes"] for s in segments)
        made = {"name": name, "size": size, "etag": etag, "segments": segments}
        host.write_whole(self._files(container, name)[1], json.dumps(made).encode())
        request.say(None, 201, Etag=f'"{etag}"')

    def _get(self, request: Request, container: str, name: str) -> None:
        facts = self._facts(container, name)
        if request.query.get("multipart-manifest") == "get" and "segments" in facts:
            shown = [{"name": s["path"], "bytes": s["size_bytes"], "hash": s["etag"]} for s in facts["segments"]]
            return request.say(shown)
        large = {"X_Static_Large_Object": "True"} if "segments" in facts else {}
        return request.send_blocks(self._blocks(facts, container), facts["size"], Etag=facts["etag"], **large)

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
            return request.say({"Number Deleted": 1, "Response Status": "200 OK", "Errors": []})
        return request.say(None, 204)

    def _drop(self, container: str, name: str) -> None:
        for file in self._files(container, name):
            file.unlink(missing_ok=True)

    def _facts(self, container: str, name: str) -> dict[str, Any]:
        try:
            return dict(json.loads(self._files(container, name)[1].read_text()))
        except OSError:
            raise Refused(404, "Not Found") from None

    def _files(self, container: str, name: str) -> tuple[Path, Path]:
        key = hashlib.sha256(name.encode()).hexdigest()[:32]
        folder = self._folder(container)
        return folder / f"{key}.bytes", folder / f"{key}.json"

    def _folder(self, container: str) -> Path:
        return self.home / hashlib.sha256(container.encode()).hexdigest()[:16]
