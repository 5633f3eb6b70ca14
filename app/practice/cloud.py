"""The practice cloud: as much of Keystone, Nova, Glance and Swift as an export talks to, shaped like the real ones.

Sources of the shapes: docs.openstack.org/api-ref/{identity,compute,image,object-store}, and answers of
OpenStack 2022.2. Its state lies in files, so that it is the same cloud after a crash.
"""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.practice.compute import Compute
from app.practice.http import Refused, Request, Server
from app.practice.images import Images
from app.practice.objects import Objects
from app.practice.record import USER

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = "9c1d5b2e7f2c4a6f8a3e6b0d5f4c3b2a"
LIFETIME = 3600.0  # seconds that a token is good for


class Cloud:
    """Keystone, and the way to the other services. *picture*(file) writes the machine's disk as it is now."""

    def __init__(self, port: int, password: str, home: Path, picture: Callable[[Path], None]) -> None:
        self.server = Server(port, self.route)
        self.base = f"http://127.0.0.1:{port}"
        self.password = password
        self.tokens: dict[str, float] = {}
        self.images = Images(home / "images")
        self.compute = Compute(self.images, picture)
        self.objects = Objects(home / "objects")
        self._routes: dict[str, Callable[[Request, str], None]] = {
            "compute": self.compute.route,
            "image": self.images.route,
            "swift": self.objects.route,
        }

    def start(self) -> None:
        """Begin to serve."""
        self.server.start()

    def stop(self) -> None:
        """End at once."""
        self.server.stop()

    def route(self, request: Request) -> None:
        """Answer one request."""
        service, _, rest = request.where.lstrip("/").partition("/")
        if service == "identity":
            return self._identity(request, rest.strip("/"))
        if service == "image" and rest.strip("/") == "":
            return request.say({"versions": [_version("v2.16", f"{self.base}/image/v2/", "CURRENT")]}, 300)
        if service == "compute" and rest.strip("/") in ("", "v2.1"):
            return self._compute_versions(request, one=bool(rest.strip("/")))
        if self.tokens.get(request.headers.get("X-Auth-Token", ""), 0) < time.time():
            raise Refused(401, "The request you have made requires authentication.")
        if service not in self._routes:
            raise Refused(404, "The resource could not be found.")
        return self._routes[service](request, rest)

    def _compute_versions(self, request: Request, *, one: bool) -> None:
        made = _version("v2.1", f"{self.base}/compute/v2.1/", "CURRENT")
        made |= {"version": "2.93", "min_version": "2.1", "updated": "2013-07-23T11:33:21Z"}
        if not one:
            return request.say({"versions": [made]})
        made["links"][0]["type"] = "text/html"
        return request.say({"version": made | _media("compute+json;version=2.1")})

    def _identity(self, request: Request, rest: str) -> None:
        made = {**_version("v3.14", f"{self.base}/identity/v3/", "stable"), "updated": "2020-04-07T00:00:00Z"}
        made |= _media("identity-v3+json")
        if rest == "":
            return request.say({"versions": {"values": [made]}}, 300)
        if rest == "v3":
            return request.say({"version": made})
        if rest == "v3/auth/tokens" and request.command == "POST":
            return self._log_in(request)
        raise Refused(404, "The resource could not be found.")

    def _log_in(self, request: Request) -> None:
        asked = request.json_body().get("auth", {}).get("identity", {}).get("password", {}).get("user", {})
        good = secrets.compare_digest(str(asked.get("password", "")), self.password)
        if asked.get("name") != USER or not good:
            raise Refused(401, "The request you have made requires authentication.")
        token, until = secrets.token_urlsafe(32), time.time() + LIFETIME
        self.tokens[token] = until
        domain = {"id": "default", "name": "Default"}
        body = {
            "methods": ["password"],
            "user": {"domain": domain, "id": "u1", "name": USER, "password_expires_at": None},
            "project": {"domain": domain, "id": PROJECT, "name": USER},
            "is_domain": False,
            "roles": [{"id": "r1", "name": "member"}],
            "issued_at": _stamp(time.time()),
            "expires_at": _stamp(until),
            "audit_ids": [secrets.token_urlsafe(16)],
            "catalog": [self._entry(*e) for e in self._services()],
        }
        request.say({"token": body}, 201, X_Subject_Token=token)

    def _services(self) -> list[tuple[str, str, str]]:
        return [
            ("identity", "keystone", f"{self.base}/identity"),
            ("compute", "nova", f"{self.base}/compute/v2.1"),
            ("image", "glance", f"{self.base}/image"),
            ("object-store", "swift", f"{self.base}/swift/v1/AUTH_{PROJECT}"),
        ]

    def _entry(self, kind: str, name: str, url: str) -> dict[str, object]:
        endpoint = {"id": f"e-{name}", "interface": "public", "region": "Practice", "region_id": "Practice", "url": url}
        return {"id": f"s-{name}", "type": kind, "name": name, "endpoints": [endpoint]}


def _version(name: str, url: str, status: str) -> dict[str, Any]:
    return {"id": name, "status": status, "links": [{"rel": "self", "href": url}]}


def _media(kind: str) -> dict[str, Any]:
    return {"media-types": [{"base": "application/json", "type": f"application/vnd.openstack.{kind}"}]}


def _stamp(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(at))
