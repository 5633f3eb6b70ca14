"""The practice cloud's Nova: one running machine whose snapshots are Glance images."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.practice.http import Refused, Request, file_blocks
from app.practice.images import SAVING, Images, stamp

SERVER = "5a4d0f5e-0000-4000-8000-00706163746f"
LINKS = [{"rel": "self", "href": f"http://127.0.0.1/v2.1/servers/{SERVER}"}]
BASE = "0b2f1c8e-0000-4000-8000-00000000ba5e"
FLAVOR = {
    "id": "1",
    "name": "practice.small",
    "disk": 1,
    "ram": 256,
    "vcpus": 1,
    "swap": "",
    "rxtx_factor": 1.0,
    "OS-FLV-EXT-DATA:ephemeral": 0,
    "OS-FLV-DISABLED:disabled": False,
    "os-flavor-access:is_public": True,
    "links": LINKS,
}
OWNER = {"user_id": "u1", "owner_id": "practice", "owner_user_name": "practice", "owner_project_name": "practice"}
ADDRESS = {
    "addr": "127.0.0.1",
    "version": 4,
    "OS-EXT-IPS:type": "fixed",
    "OS-EXT-IPS-MAC:mac_addr": "52:54:00:00:00:01",
}
PHASES = (
    (0.2, "image_snapshot_pending"),
    (0.5, "image_snapshot"),
    (0.8, "image_pending_upload"),
    (SAVING + 0.2, "image_uploading"),
)


class Compute:
    """The machine and its snapshots. *fate* says how the next snapshot ends, for tests: `active`, `killed`, `gone` …"""

    def __init__(self, images: Images, picture: Callable[[Path], None]) -> None:
        self.images, self.picture = images, picture
        self.fate = "active"
        self.server: dict[str, Any] = {
            "id": SERVER,
            "name": "practice-sandbox",
            "status": "ACTIVE",
            "OS-EXT-STS:vm_state": "active",
            "OS-EXT-STS:power_state": 1,
            "image": {"id": BASE, "links": LINKS},
            "flavor": {"id": FLAVOR["id"], "links": LINKS},
            "addresses": {"practice": [ADDRESS]},
            "os-extended-volumes:volumes_attached": [],
            "created": stamp(0),
            "updated": stamp(0),
            "metadata": {},
            "key_name": None,
            "tenant_id": "practice",
            "user_id": "u1",
            "hostId": "practice",
            "links": LINKS,
            "accessIPv4": "",
            "accessIPv6": "",
            "config_drive": "",
            "progress": 0,
            "OS-DCF:diskConfig": "MANUAL",
            "OS-EXT-AZ:availability_zone": "nova",
            "OS-SRV-USG:launched_at": "1970-01-01T00:00:00.000000",
            "OS-SRV-USG:terminated_at": None,
        }

    def route(self, request: Request, path: str) -> None:
        """Answer one request below /compute/."""
        match [request.command, *path.strip("/").split("/")]:
            case ["GET", "v2.1", "servers", "detail"]:
                request.say({"servers": [] if request.query.get("marker") else [self._shown()]})
            case ["GET", "v2.1", "servers", server] if server == SERVER:
                request.say({"server": self._shown()})
            case ["GET", "v2.1", "flavors", "detail"]:
                request.say({"flavors": [] if request.query.get("marker") else [FLAVOR]})
            case ["GET", "v2.1", "flavors", "1"]:
                request.say({"flavor": FLAVOR})
            case ["POST", "v2.1", "servers", server, "action"] if server == SERVER:
                self._act(request)
            case _:
                raise Refused(404, "Instance could not be found.")

    def _shown(self) -> dict[str, Any]:
        return {**self.server, "OS-EXT-STS:task_state": self._task()}

    def _task(self) -> str | None:
        ages = [time.time() - i["began"] for i in self._snapshots()]
        age = min(ages, default=1e9) / max(self.images.pace, 1e-6)
        return next((name for until, name in PHASES if age < until), None)

    def _snapshots(self) -> list[dict[str, Any]]:
        kept = [self.images._load(i["id"]) for i in self.images.all()]
        return [k for k in kept if "began" in k]

    def _act(self, request: Request) -> None:
        asked = request.json_body().get("createImage")
        if not isinstance(asked, dict):
            raise Refused(400, "There is no such action: only createImage.")
        if self._task():
            words = f"Cannot 'createImage' instance {SERVER} while it is in task_state {self._task()}"
            raise Refused(409, words)
        if self.server["status"] not in ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"):
            raise Refused(
                409, f"Cannot 'createImage' instance {SERVER} while it is in vm_state {self.server['status']}"
            )
        image = self._photograph(asked)
        where = f"http://{request.headers['Host']}/image/images/{image}"
        request.say(None, 202, Location=where, x_compute_request_id=f"req-{image}")

    def _photograph(self, asked: dict[str, Any]) -> str:
        properties = {**asked.get("metadata", {}), "image_type": "snapshot", "instance_uuid": SERVER, "min_disk": 1}
        properties |= {"base_image_ref": BASE, "boot_roles": "member", **OWNER}
        properties |= {"image_location": "snapshot", "image_state": "available"}
        formats = {"disk_format": "raw", "container_format": "bare", "visibility": "private"}
        made = self.images.make({"name": asked["name"], **formats, **properties}, began=time.time(), fate=self.fate)
        file = self.images.path(made["id"]).with_suffix(".disk")
        self.picture(file)
        self.images.keep(made["id"], file_blocks(file), virtual_size=file.stat().st_size)
        file.unlink()
        return str(made["id"])
