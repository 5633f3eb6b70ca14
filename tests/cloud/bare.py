"""A login at the real cloud by its bare interfaces: what tests make, look at and remove without this program."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session
from requests import Response

from tests.cloud import tiny
from tests.cloud.rig.supplies import NETWORK

PATIENCE = 240.0  # seconds
BINARY = {"Content-Type": "application/octet-stream"}
PATHS = {"compute": "", "image": "/v2", "network": "/v2.0", "volumev3": "", "object-store": ""}


class Bare:
    """The cloud *name* of a clouds.yaml with a password in it."""

    def __init__(self, clouds: Path, name: str) -> None:
        told = json.loads(clouds.read_text())["clouds"][name]
        self.auth, self.region = told["auth"], told["region_name"]
        self.session = Session(auth=Password(**self.auth))

    def url(self, service: str) -> str:
        """The service's address, as the catalog says it."""
        return str(self.session.get_endpoint(service_type=service, region_name=self.region, interface="public"))

    def call(self, service: str, method: str, path: str, **kwargs: Any) -> Response:
        """One request; any answer is returned."""
        answer: Response = self.session.request(
            self.url(service) + PATHS[service] + path, method, raise_exc=False, **kwargs
        )
        return answer

    def get(self, service: str, path: str) -> Any:
        """The JSON of *path*."""
        answer = self.call(service, "GET", path)
        assert answer.ok, (path, answer.status_code, answer.text)
        return answer.json()

    def post(self, service: str, path: str, **body: Any) -> Any:
        """Make something; the JSON of the answer, or nothing."""
        answer = self.call(service, "POST", path, json=body)
        assert answer.ok, (path, answer.status_code, answer.text)
        return answer.json() if answer.text else None

    def upload(self, name: str, data: bytes, kind: str = "qcow2", **properties: str) -> str:
        """A whole image of *data*; returns its ID."""
        image: str = self.post("image", "/images", name=name, disk_format=kind, container_format="bare", **properties)[
            "id"
        ]
        answer = self.call("image", "PUT", f"/images/{image}/file", data=data, headers=BINARY)
        assert answer.status_code == 204, answer.text
        return image

    def images(self, **having: str) -> list[dict[str, Any]]:
        """The project's images with these properties."""
        found = self.get("image", "/images?limit=200")["images"]
        return [i for i in found if all(i.get(key) == value for key, value in having.items())]

    def remove_image(self, image: str) -> None:
        """Gone already is fine."""
        assert self.call("image", "DELETE", f"/images/{image}").status_code in (204, 404)

    def boot(self, name: str, flavor: str, *, network: bool, **what: Any) -> str:
        """A machine that runs and has said its word; returns its ID."""
        flavors = self.get("compute", "/flavors")["flavors"]
        wish = {"name": name, "flavorRef": next(f["id"] for f in flavors if f["name"] == flavor), **what}
        networks = self.get("network", "/networks")["networks"]
        inside = [{"uuid": n["id"]} for n in networks if n["name"] == NETWORK]
        wish["networks"] = inside if network else "none"
        # from 2.37 on a machine may have no network (Nova's microversion history)
        new = {"OpenStack-API-Version": "compute 2.37"}
        answer = self.call("compute", "POST", "/servers", json={"server": wish}, headers=new)
        assert answer.ok, answer.text
        server: str = answer.json()["server"]["id"]
        self.until(lambda: self.server(server)["status"] in ("ACTIVE", "ERROR"))
        assert self.server(server)["status"] == "ACTIVE", self.server(server).get("fault")
        self.until(lambda: tiny.WORD in self.console(server))
        return server

    def server(self, server: str) -> dict[str, Any]:
        """What nova says of a machine."""
        return dict(self.get("compute", f"/servers/{server}")["server"])

    def console(self, server: str) -> str:
        """What the machine has said on its serial line."""
        asked = {"os-getConsoleOutput": {"length": 100}}
        return str(self.post("compute", f"/servers/{server}/action", **asked)["output"])

    def remove_server(self, server: str) -> None:
        """And wait until it has gone."""
        self.call("compute", "DELETE", f"/servers/{server}")
        self.until(lambda: self.call("compute", "GET", f"/servers/{server}").status_code == 404)

    def idle(self, server: str) -> None:
        """Wait until nova does nothing with a machine."""
        self.until(lambda: self.server(server)["OS-EXT-STS:task_state"] is None)

    def empty(self, container: str) -> None:
        """Remove a container with all that is in it."""
        listed = self.call("object-store", "GET", f"/{container}?format=json")
        for one in listed.json() if listed.status_code == 200 else ():
            self.call("object-store", "DELETE", f"/{container}/{quote(one['name'])}")
        self.call("object-store", "DELETE", f"/{container}")

    def until(self, true: Callable[[], object]) -> None:
        """Wait for the cloud; an AssertionError when it takes too long."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, "the cloud did not get there in time"
            time.sleep(0.3)

    @contextlib.contextmanager
    def left_as_it_was(self) -> Any:
        """Fails when other images are there at the end than at the beginning."""
        before = {image["id"] for image in self.images()}
        yield
        assert {image["id"] for image in self.images()} == before
