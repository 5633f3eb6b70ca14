"""One conversation with every service that the practice cloud plays, held with it and with a real cloud alike."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests

DATA = bytes(range(256)) * 40
BINARY = {"Content-Type": "application/octet-stream"}
PATCH = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
SHOT = {"createImage": {"name": "dialogue shot", "metadata": {"sandhopper_job": "dialogue"}}}
NOBODY = "0b2f1c8e-0000-4000-8000-00000000ba5e"
SAID = ("status", "visibility", "container_format", "os_hash_algo", "os_hidden", "image_type", "OS-EXT-STS:vm_state")
FREE = ("addresses", "metadata", "extra_specs")  # dictionaries whose keys are somebody's names


@dataclass(frozen=True)
class Answer:
    """What can be compared of an answer: *body* is a shape (`shape_of`), or what else came."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class Side:
    """One of the two clouds. *roots* are the bare addresses of the services, *server* a running machine in it."""

    roots: dict[str, str]
    account: str
    login: dict[str, Any]
    server: str
    said: dict[str, Answer] = field(default_factory=dict)
    token: str = ""

    def ask(self, label: str, service: str, method: str, path: str, **kwargs: Any) -> requests.Response:
        """One request, noted under *label* (an empty one is not noted)."""
        headers = {"X-Auth-Token": self.token, **kwargs.pop("headers", {})}
        url = self.roots[service] + path
        answer = requests.request(method, url, headers=headers, timeout=60, allow_redirects=False, **kwargs)
        if label:
            self.said[label] = Answer(answer.status_code, dict(answer.headers), body_of(answer))
        return answer

    def until(self, true: Callable[[], object]) -> None:
        """Wait for the cloud."""
        deadline = time.monotonic() + 120
        while not true():
            assert time.monotonic() < deadline, "the cloud did not get there in time"
            time.sleep(0.2)


def held_with(side: Side) -> dict[str, Answer]:
    """Hold it; all answers by what was asked."""
    _unknown(side)
    _identity(side)
    _compute(side)
    _images(side)
    _snapshots(side)
    _objects(side)
    return side.said


def _unknown(side: Side) -> None:
    side.ask("versions of identity", "identity", "GET", "/")
    side.ask("identity v3", "identity", "GET", "/v3")
    side.ask("versions of compute", "compute", "GET", "/")
    side.ask("versions of image", "image", "GET", "/")
    for service, path in (
        ("compute", "/v2.1/servers/detail"),
        ("image", "/v2/images"),
        ("swift", f"{side.account}/box"),
    ):
        side.ask(f"{service} without a login", service, "GET", path)


def _identity(side: Side) -> None:
    wrong = {**side.login, "identity": {**side.login["identity"], "password": {"user": dict(_user(side.login))}}}
    wrong["identity"]["password"]["user"]["password"] = "wrong"
    side.ask("a wrong password", "identity", "POST", "/v3/auth/tokens", json={"auth": wrong})
    told = side.ask("login", "identity", "POST", "/v3/auth/tokens", json={"auth": side.login})
    side.token = told.headers["X-Subject-Token"]
    side.ask("identity of nothing", "identity", "GET", "/v3/nothing")


def _user(login: dict[str, Any]) -> dict[str, Any]:
    return dict(login["identity"]["password"]["user"])


def _compute(side: Side) -> None:
    side.ask("compute v2.1", "compute", "GET", "/v2.1/")
    told = side.ask("a machine", "compute", "GET", f"/v2.1/servers/{side.server}").json()["server"]
    only = f"name=%5E{told['name']}%24"  # another test's machines may be there
    side.ask("machines", "compute", "GET", f"/v2.1/servers/detail?{only}")
    after = f"/v2.1/servers/detail?limit=200&marker={side.server}&{only}"
    side.ask("machines after the last", "compute", "GET", after)
    side.ask("no machine", "compute", "GET", f"/v2.1/servers/{NOBODY}")
    side.ask("flavors", "compute", "GET", "/v2.1/flavors/detail")
    side.ask("a flavor", "compute", "GET", f"/v2.1/flavors/{told['flavor']['id']}")
    side.ask("no flavor", "compute", "GET", "/v2.1/flavors/none")
    last = side.ask("", "compute", "GET", "/v2.1/flavors/detail").json()["flavors"][-1]["id"]
    side.ask("flavors after the last", "compute", "GET", f"/v2.1/flavors/detail?limit=200&marker={last}")
    act = f"/v2.1/servers/{side.server}/action"
    side.ask("an act that there is not", "compute", "POST", act, json={"doTheImpossible": {}})
    side.ask("an act of no machine", "compute", "POST", f"/v2.1/servers/{NOBODY}/action", json=SHOT)


def _images(side: Side) -> None:
    wish = {"name": "dialogue", "disk_format": "qcow2", "container_format": "bare", "sandhopper": "yes"}
    image = side.ask("a new image", "image", "POST", "/v2/images", json=wish).json()["id"]
    path = f"/v2/images/{image}"
    side.ask("an image without bytes", "image", "GET", path)
    side.ask("the bytes of one without", "image", "GET", f"{path}/file")
    side.ask("bytes are sent", "image", "PUT", f"{path}/file", data=DATA, headers=BINARY)
    _cut_off(side)
    side.ask("bytes are sent again", "image", "PUT", f"{path}/file", data=DATA, headers=BINARY)
    side.ask("an image", "image", "GET", path)
    side.ask("bytes", "image", "GET", f"{path}/file")
    side.ask("the head of bytes", "image", "HEAD", f"{path}/file")
    side.ask("a range of bytes", "image", "GET", f"{path}/file", headers={"Range": "bytes=100-199"})
    side.ask("bytes to the end", "image", "GET", f"{path}/file", headers={"Range": f"bytes={len(DATA) - 5}-"})
    side.ask("a range behind the end", "image", "GET", f"{path}/file", headers={"Range": f"bytes={len(DATA)}-"})
    side.ask("images by name", "image", "GET", "/v2/images?name=dialogue&sort=created_at:desc")
    side.ask("images of no name", "image", "GET", "/v2/images?name=nobody's")
    patch = [{"op": "replace", "path": "/name", "value": "dialogue two"}]
    side.ask("a new name", "image", "PATCH", path, json=patch, headers=PATCH)
    side.ask("an image goes", "image", "DELETE", path)
    side.ask("an image that went", "image", "GET", path)
    side.ask("an image goes again", "image", "DELETE", path)
    side.ask("bytes of an image that went", "image", "GET", f"{path}/file")
    side.ask("bytes for an image that went", "image", "PUT", f"{path}/file", data=DATA, headers=BINARY)


def _cut_off(side: Side) -> None:
    """A line that breaks in the middle of an upload."""
    wish = {"name": "cut off", "disk_format": "raw", "container_format": "bare"}
    path = f"/v2/images/{side.ask('', 'image', 'POST', '/v2/images', json=wish).json()['id']}"
    root = urlsplit(side.roots["image"])
    lines = [f"PUT {root.path}{path}/file HTTP/1.1", f"Host: {root.netloc}", f"X-Auth-Token: {side.token}"]
    lines += ["Content-Type: application/octet-stream", "Content-Length: 1000000", "", ""]

    def status() -> str:
        return str(side.ask("", "image", "GET", path).json()["status"])

    with socket.create_connection((root.hostname or "", root.port or 0), 10) as line:
        line.sendall("\r\n".join(lines).encode() + bytes(1000))
        side.until(lambda: status() == "saving")
        side.ask("an image that is being sent", "image", "GET", path)
    side.until(lambda: status() != "saving")
    side.ask("an image that was cut off", "image", "GET", path)
    side.ask("", "image", "DELETE", path)


def _snapshots(side: Side) -> None:
    act = f"/v2.1/servers/{side.server}/action"
    told = side.ask("a snapshot begins", "compute", "POST", act, json=SHOT)
    side.ask("another one meanwhile", "compute", "POST", act, json=SHOT)
    image = told.headers["Location"].rpartition("/")[2]
    side.ask("a machine at work", "compute", "GET", f"/v2.1/servers/{side.server}")

    def whole() -> bool:
        return bool(side.ask("", "image", "GET", f"/v2/images/{image}").json()["status"] == "active")

    side.until(whole)
    side.ask("a snapshot", "image", "GET", f"/v2/images/{image}")
    side.ask("", "image", "DELETE", f"/v2/images/{image}")
    where = f"/v2.1/servers/{side.server}"
    side.until(lambda: not side.ask("", "compute", "GET", where).json()["server"]["OS-EXT-STS:task_state"])


def _objects(side: Side) -> None:
    box, kept = f"{side.account}/box-{secrets.token_hex(3)}", f"{side.account}/kept-{secrets.token_hex(3)}"
    etag = hashlib.md5(DATA, usedforsecurity=False).hexdigest()
    side.ask("a container that is not there", "swift", "HEAD", box)
    side.ask("an object without a container", "swift", "PUT", f"{box}/a", data=DATA)
    side.ask("a new container", "swift", "PUT", box)
    side.ask("the container again", "swift", "PUT", box)
    side.ask("an object store", "swift", "HEAD", side.account)  # one that nobody has used yet answers 200
    side.ask("a container", "swift", "HEAD", box)
    side.ask("no object", "swift", "HEAD", f"{box}/a")
    side.ask("no object is read", "swift", "GET", f"{box}/a")
    side.ask("a new object", "swift", "PUT", f"{box}/a", data=DATA)
    side.ask("an object that was damaged", "swift", "PUT", f"{box}/b", data=DATA, headers={"ETag": "0" * 32})
    side.ask("an object", "swift", "HEAD", f"{box}/a")
    side.ask("an object is read", "swift", "GET", f"{box}/a")
    side.ask("a range of an object", "swift", "GET", f"{box}/a", headers={"Range": "bytes=100-199"})
    side.ask("a range behind the object", "swift", "GET", f"{box}/a", headers={"Range": f"bytes={len(DATA)}-"})
    side.ask("an empty object", "swift", "PUT", f"{box}/empty", data=b"")
    side.ask("an empty object is read", "swift", "GET", f"{box}/empty")
    side.ask("", "swift", "PUT", kept)
    for name in ("1", "2"):
        side.ask("", "swift", "PUT", f"{kept}/{name}", data=DATA)
    inner = kept.rpartition("/")[2]
    pieces = [{"path": f"/{inner}/{name}", "etag": etag, "size_bytes": len(DATA)} for name in ("1", "2")]
    manifest = {"multipart-manifest": "put"}
    side.ask("a large object", "swift", "PUT", f"{box}/large", json=pieces, params=manifest)
    bad = [{**pieces[0], "etag": "0" * 32}]
    side.ask("a large object of other pieces", "swift", "PUT", f"{box}/bad", json=bad, params=manifest)
    gone = [{**pieces[0], "path": f"/{inner}/9"}]
    side.ask("a large object of missing pieces", "swift", "PUT", f"{box}/bad", json=gone, params=manifest)
    side.ask("a large object of nothing", "swift", "PUT", f"{box}/bad", json=[], params=manifest)
    side.ask("a large object is looked at", "swift", "HEAD", f"{box}/large")
    side.ask("its pieces", "swift", "GET", f"{box}/large", params={"multipart-manifest": "get"})
    side.ask("it is read", "swift", "GET", f"{box}/large")
    middle = {"Range": f"bytes={len(DATA) - 5}-{len(DATA) + 5}"}
    side.ask("a range across its pieces", "swift", "GET", f"{box}/large", headers=middle)
    side.ask("a container that is not empty goes", "swift", "DELETE", box)
    side.ask("the pieces of a small one", "swift", "GET", f"{box}/a", params={"multipart-manifest": "get"})
    side.ask("an object goes", "swift", "DELETE", f"{box}/a")
    side.ask("an object goes again", "swift", "DELETE", f"{box}/a")
    side.ask("it goes with its pieces", "swift", "DELETE", f"{box}/large", params={"multipart-manifest": "delete"})
    side.ask("its pieces went", "swift", "HEAD", f"{kept}/1")
    side.ask("an act that objects know not", "swift", "PATCH", f"{box}/a")
    side.ask("", "swift", "DELETE", f"{box}/empty")
    for container in (box, kept):
        side.ask("", "swift", "DELETE", container)


def body_of(answer: requests.Response) -> Any:
    """The shape of a JSON body, else what kind of body it is."""
    kind = answer.headers.get("Content-Type", "").split(";")[0]
    if not answer.content:
        return "nothing"
    if kind == "application/json":
        with contextlib.suppress(ValueError):  # the bytes of an object are called what its owner called them
            return shape_of(answer.json())
    if not answer.ok:
        return "words"  # a page or not: they are shown as they come (app/clouds/faults.py)
    return {"text/html": "nothing", "text/plain": "words"}.get(kind, "bytes")  # Swift's pages for 2xx say nothing


def shape_of(data: Any) -> Any:
    """Keys and types of JSON: `{"a": [1]}` is `{"a": ["int"]}`; of a list, all that its elements have."""
    if isinstance(data, dict):
        told = SAID if set(data) & {"visibility", "hostId"} else ()  # an image or a machine
        return {key: value if key in told else _shape_at(key, value) for key, value in data.items()}
    if isinstance(data, list):
        shapes = [shape_of(one) for one in data]
        merged = {key: value for shape in shapes if isinstance(shape, dict) for key, value in shape.items()}
        return [merged] if merged else shapes[:1]
    return "null" if data is None else type(data).__name__


def _shape_at(key: str, value: Any) -> Any:
    return dict.fromkeys("*" * len(value), shape_of(list(value.values()))) if key in FREE else shape_of(value)
