"""OpenStack machines: Nova lists and snapshots them, Glance holds what comes out.

Tried against the practice cloud and a real OpenStack 2022.2 on one computer, not yet against a cloud of someone
else's. Facts about the answers are from the API reference (docs.openstack.org/api-ref/compute and /image) and
OpenStack's own behaviour.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.clouds import Cloud, split
from app.errors import JobError, Transient
from app.providers import Machine
from app.providers.openstack_images import MARK, JobImages
from app.providers.openstack_launch import Launch
from app.providers.openstack_volume import ByVolume, root_of, short_of
from app.providers.openstack_wait import Watch

if TYPE_CHECKING:
    from app.context import Context

FIRST, GROWTH, LONGEST = 2.0, 1.3, 10.0  # seconds between two looks
PRACTICE_PACE = 0.2  # of those, where the cloud is this computer
PAGE = 200
UPLOADING = ("image_uploading",)  # the task state of Nova when the copy has been taken
FROM_FILE = "Ask the cloud's help desk for an image of it, and start from that file."
BY_VOLUME = (
    "It starts from a cloud volume; its disk is copied by way of a snapshot and a volume that are removed afterwards."
)


class OpenStack:
    """The project of one login at an OpenStack cloud."""

    def __init__(self, url: str, ctx: Context) -> None:
        self.cloud = Cloud(split(url)[0], ctx)
        self.ctx = ctx
        self._images = JobImages(self.cloud, ctx)

    def machines(self) -> Sequence[Machine]:
        """The machines of the project, by name."""
        disks = {f["id"]: int(f.get("disk") or 0) for f in self._pages("/flavors/detail", "flavors")}
        found = [self._machine(s, disks) for s in self._pages("/servers/detail", "servers")]
        return sorted(found, key=lambda m: m.name.casefold())

    def machine(self, url: str) -> Machine:
        """The machine whose ID (or unmistakable name or address) *url* ends with; `JobError` when there is none."""
        _, kind, name = split(url)
        if kind != "server":
            raise JobError(f"{url} does not name a machine.", f"Write openstack://{self.cloud.name}/server/ID.")
        answer = self.cloud.ask("compute", f"/servers/{quote(name, safe='')}")
        server = answer["server"] if answer else self._called(name)
        flavor = self.cloud.ask("compute", f"/flavors/{server.get('flavor', {}).get('id', 'none')}")
        disks = {f["id"]: int(f.get("disk") or 0) for f in ([flavor["flavor"]] if flavor else [])}
        found = replace(self._machine(server, disks), quiesced=self._quiesced(server))
        return self._rooted(found, server) if found.boot == "volume" else found

    def _rooted(self, machine: Machine, server: dict[str, Any]) -> Machine:
        """*machine* with the volume that it starts from."""
        root = root_of(self.cloud, server)
        if root is None:
            return replace(machine, hindrance="The cloud does not say from which volume it starts.")
        disk, others = int(root["size"]), max(0, machine.volumes - 1)
        return replace(machine, root=root["id"], disk=disk, volumes=others, hindrance=short_of(self.cloud, disk))

    def _quiesced(self, server: dict[str, Any]) -> bool:
        """Whether the machine's image has its guest agent hold writing (Glance's useful image properties)."""
        image = server.get("image") or {}
        told = self.cloud.ask("image", f"/images/{quote(str(image['id']), safe='')}") if image.get("id") else None
        return str((told or {}).get("hw_qemu_guest_agent", "")).lower() in ("yes", "true", "1")

    def snapshot(self, machine: Machine, name: str, fixed: Callable[[], None] = lambda: None) -> str:
        """Make a hot snapshot (or go on with the one this job began), wait until it is whole, return its URL.

        Its moment is fixed when Nova has mirrored the disk and begins to upload (nova/virt/libvirt, _live_snapshot).
        """
        if machine.boot == "volume":
            if not machine.root:
                raise JobError(
                    f"“{machine.name}” cannot be copied. {machine.hindrance}", FROM_FILE, topic="volume-boot"
                )
            return self._url("image", ByVolume(self.cloud, self.ctx, name).image(machine.root, fixed))
        self._images.bury(name)
        image = self._images.begun(name) or self._begin(machine, name)
        self._wait(image, machine, fixed)
        return self._url("image", image)

    def find(self, name: str) -> str:
        """The URL of the snapshot *name* that this job made, whole or not; empty when there is none."""
        there = self._images.present(name)
        return self._url("image", there[0]) if there else ""

    def trial(self, name: str, gib: int) -> Launch:
        """The test machine *name*, with a disk of *gib* GiB."""
        return Launch(self.cloud, self.ctx, name, gib)

    def remove(self, name: str) -> bool:
        """Remove the snapshot *name* and what was needed on the way; whether nothing is left of it."""
        if self.ctx.state.of(self.ctx.step).get("by_volume"):
            return ByVolume(self.cloud, self.ctx, name).remove()
        for image in self._images.present(name):
            self._images.delete(image)
        return not self._images.present(name)

    def close(self) -> None:
        """Let go of the connections."""
        self.cloud.close()

    def _begin(self, machine: Machine, name: str) -> str:
        body = {"createImage": {"name": name, "metadata": {MARK: self.ctx.job.id}}}
        answer = self.cloud.call("compute", "POST", f"/servers/{machine.id}/action", json=body, ok=(409,))
        if answer.status_code == 409:
            raise self._busy(machine)
        # without a microversion (what every cloud speaks) the id is the end of Location; from 2.45 it is in the body
        image = answer.headers.get("Location", "").rstrip("/").rpartition("/")[2]
        image = image or str(self.cloud.read_json(answer).get("image_id", ""))
        if not image:
            raise Transient("The cloud began a snapshot but did not say which.", "It is looked for by its name.")
        self.ctx.fact(begun=image)
        return image

    def _busy(self, machine: Machine) -> JobError:
        server = self.cloud.ask("compute", f"/servers/{machine.id}")
        state = server["server"] if server else {}
        if state.get("OS-EXT-STS:task_state"):
            text = f"The cloud is still doing something else with “{machine.name}”."
            return Transient(text, "It is tried again by itself.")
        text = f"The cloud makes no snapshot of “{machine.name}” while it is {state.get('status', 'away')}."
        return JobError(text, "Start the machine (or un-shelve it) on the cloud's web page, then try again.")

    def _wait(self, image: str, machine: Machine, fixed: Callable[[], None]) -> None:
        """Look until the snapshot is whole. No limit by the clock as long as the cloud works at it."""
        pace = PRACTICE_PACE if self.ctx.job.practice else 1.0
        self.ctx.begin("snapshot")
        watch, wait = Watch(), FIRST
        while not watch.whole(self.cloud.ask("image", f"/images/{image}"), task := self._task(machine)):
            if task in UPLOADING:
                fixed()
            self.ctx.advance()
            self.ctx.sleep(wait * pace * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not cryptography
            wait = min(wait * GROWTH, LONGEST if task in UPLOADING else FIRST)  # until then it may stand still
        fixed()

    def _task(self, machine: Machine) -> str:
        server = self.cloud.ask("compute", f"/servers/{machine.id}")
        return str((server or {}).get("server", {}).get("OS-EXT-STS:task_state") or "")

    def _called(self, name: str) -> dict[str, Any]:
        """The machine with this name or address."""
        found = [s for s in self._pages("/servers/detail", "servers") if name == s["name"] or name in _addresses(s)]
        if len(found) != 1:
            how_many = "are several machines" if found else "is no machine"
            text = f"There {how_many} called “{name}” at the cloud “{self.cloud.name}”."
            raise JobError(text, f"See them with: sandhopper machines {self.cloud.name}", topic="machine")
        return found[0]

    def _pages(self, path: str, key: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            more = {"limit": PAGE, **({"marker": found[-1]["id"]} if found else {})}
            page = self.cloud.ask("compute", path, params=more) or {}
            found += page.get(key, [])
            if not page.get(key) or not page.get(f"{key}_links"):
                return found

    def _machine(self, server: dict[str, Any], disks: dict[str, int]) -> Machine:
        volumes = len(server.get("os-extended-volumes:volumes_attached") or [])
        url = self._url("server", server["id"])
        made = Machine(server["id"], server["name"], server["status"], url, volumes=volumes)
        boot = "image" if server.get("image") else "volume"
        disk = disks.get(server.get("flavor", {}).get("id", ""), 0)
        return replace(
            made, boot=boot, disk=disk, addresses=_addresses(server), note=BY_VOLUME if boot == "volume" else ""
        )

    def _url(self, kind: str, name: str) -> str:
        return f"openstack://{quote(self.cloud.name)}/{kind}/{name}"


def _addresses(server: dict[str, Any]) -> tuple[str, ...]:
    return tuple(a["addr"] for net in server.get("addresses", {}).values() for a in net)
