"""A machine started in a cloud from an image, to see that it starts there, and removed again.

Facts: docs.openstack.org/api-ref/compute, “Create server” (block_device_mapping_v2; networks “none” and “auto” from
microversion 2.37 on), “Show console output”.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.errors import JobError, Transient
from app.providers import Flavor, Seen
from app.providers.openstack_images import MARK

if TYPE_CHECKING:
    from app.clouds import Cloud
    from app.context import Context

LEAST = 512  # MiB of memory: with less, today's systems end in their start
LINES = 2000  # of the console
NEW = {"OpenStack-API-Version": "compute 2.37"}


class Launch:
    """The machine *name* of this job, for a disk of *gib* GiB."""

    def __init__(self, cloud: Cloud, ctx: Context, name: str, gib: int) -> None:
        self.cloud, self.ctx, self.name, self.gib = cloud, ctx, name, gib
        self._volumes: bool | None = None

    @property
    def cloud_name(self) -> str:
        """What the person calls the cloud."""
        return self.cloud.name

    def flavor(self) -> Flavor:
        """The smallest size of machine that will do; `JobError` when the cloud offers none."""
        told = self.cloud.ask("compute", "/flavors/detail") or {}
        kinds = [Flavor(f["id"], f["name"], int(f["ram"]), int(f.get("disk") or 0), int(f["vcpus"]))
                 for f in told.get("flavors", [])]  # fmt: skip
        # a flavour's own disk is not used where the machine starts from a volume
        fitting = [f for f in kinds if f.ram >= LEAST and (self._has_volumes() or not f.disk or f.disk >= self.gib)]
        if not fitting:
            need = f"{LEAST} MiB of memory and {self.gib} GiB of disk"
            text = f"The cloud “{self.cloud.name}” offers no machine with {need}."
            raise JobError(text, "Ask its people for a bigger size of machine (flavour).", topic="launch")
        return min(fitting, key=lambda f: (f.ram, f.vcpus, f.disk))

    def _has_volumes(self) -> bool:
        """Whether the project has volumes to start machines from."""
        if self._volumes is None:
            self._volumes = self.cloud.offers("volume")
        return self._volumes

    def start(self, image: str, network: str = "") -> str:
        """Start the machine from *image*, or find it; its ID. *network*: a name or an ID, empty for none."""
        if there := self._there():
            return str(there[0]["id"])
        body = {
            "name": self.name,
            "flavorRef": self.flavor().id,
            "metadata": {MARK: self.ctx.job.id},
            "networks": [{"uuid": self._network(network)}] if network else "none",
            **self._disk(image),
        }
        answer = self.cloud.call("compute", "POST", "/servers", json={"server": body}, headers=NEW)
        made = str(self.cloud.read_json(answer)["server"]["id"])
        self.ctx.fact(machine=made)
        return made

    def _disk(self, image: str) -> dict[str, Any]:
        if not self._has_volumes():
            return {"imageRef": image}
        disk = {"boot_index": 0, "uuid": image, "source_type": "image", "destination_type": "volume"}
        return {"block_device_mapping_v2": [{**disk, "volume_size": self.gib, "delete_on_termination": True}]}

    def _network(self, wanted: str) -> str:
        found = (self.cloud.ask("network", "/networks") or {}).get("networks", [])
        fitting = [n["id"] for n in found if wanted in (n["id"], n["name"])]
        if len(fitting) != 1:
            text = f"There is no network “{wanted}” at the cloud “{self.cloud.name}”, or several are called so."
            raise JobError(text, "Name another one, or its ID, or none.", topic="launch")
        return str(fitting[0])

    def look(self, machine: str) -> Seen:
        """How it is."""
        answer = self.cloud.ask("compute", f"/servers/{quote(machine, safe='')}")
        if answer is None:
            return Seen("DELETED")
        server = answer["server"]
        addresses = tuple(a["addr"] for net in server.get("addresses", {}).values() for a in net)
        fault = str((server.get("fault") or {}).get("message", ""))
        said = self._console(machine) if server["status"] == "ACTIVE" else None
        return Seen(str(server["status"]), fault, said or b"", said is not None, addresses)

    def _console(self, machine: str) -> bytes | None:
        """What it said on its serial line; None where the cloud does not tell."""
        body = {"os-getConsoleOutput": {"length": LINES}}
        path = f"/servers/{quote(machine, safe='')}/action"
        answer = self.cloud.call("compute", "POST", path, json=body, ok=(404, 409, 500, 501))
        if answer.status_code not in (200, 202):  # no serial line yet, or none at all on this kind of cloud
            answer.close()
            return None
        return str(self.cloud.read_json(answer).get("output") or "").encode()

    def remove(self) -> bool:
        """Remove the machine with its volume; whether it has gone. To be called until it has."""
        there = self._there()
        for server in there:
            if server.get("OS-EXT-STS:task_state") != "deleting":
                self.cloud.call("compute", "DELETE", f"/servers/{server['id']}", ok=(404, 409)).close()
        return not there

    def removed(self) -> None:
        """Remove it and wait until it has gone; `Transient` when the cloud takes too long."""
        for look in range(40):
            if self.remove():
                return
            self.ctx.advance()
            self.ctx.sleep(min(0.5 * (look + 1), 5.0))
        raise Transient("The cloud has not removed the test machine yet.", "It is tried again by itself.")

    def _there(self) -> list[dict[str, Any]]:
        told = self.cloud.ask("compute", "/servers/detail", params={"name": f"^{self.name}$"}) or {}
        return [s for s in told.get("servers", []) if (s.get("metadata") or {}).get(MARK) == self.ctx.job.id]
