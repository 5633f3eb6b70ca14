"""The disk of a machine that starts from a volume, as an image: snapshot of the volume → volume of that → image.

Nova's own snapshot of such a machine is an image without a byte. So Cinder is asked for each piece, and what is of no
use once the image is whole is removed. Every piece has the job's name and mark, so that a second run goes on with it
(docs.openstack.org/api-ref/block-storage/v3: “Create a snapshot”, “Create a volume”, “Upload volume to image”).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from app.errors import JobError
from app.providers.openstack_images import MARK, JobImages
from app.providers.openstack_wait import ONCE_MORE, SAFE, Watch

if TYPE_CHECKING:
    from app.clouds import Cloud
    from app.context import Context

LOOK = 1.0, 1.3, 10.0  # seconds between two looks: the first, the growth, the longest
ENDED = ("available", "error", "error_deleting", "error_restoring", "error_managing")
LIMITS = (
    ("maxTotalVolumes", "totalVolumesUsed", "volumes"),
    ("maxTotalSnapshots", "totalSnapshotsUsed", "volume snapshots"),
    ("maxTotalVolumeGigabytes", "totalGigabytesUsed", "GiB of volumes"),
)


def root_of(cloud: Cloud, server: dict[str, Any]) -> dict[str, Any] | None:
    """The volume that *server* starts from: of its bootable ones that which is attached first; None without any."""
    attached = [v["id"] for v in server.get("os-extended-volumes:volumes_attached") or []]
    volumes = [found["volume"] for v in attached if (found := cloud.ask("volume", f"/volumes/{v}"))]
    bootable = [v for v in volumes if str(v.get("bootable")).lower() == "true"]
    return min(bootable, key=lambda v: _device(v, server["id"]), default=None)


def _device(volume: dict[str, Any], server: str) -> str:
    attached = (a for a in volume.get("attachments", []) if a.get("server_id") == server)
    return next((str(a["device"]) for a in attached if a.get("device")), "~")


def short_of(cloud: Cloud, gib: int) -> str:
    """What the project's limits lack for the snapshot and the copy of a volume of *gib* GiB; empty when nothing."""
    told = ((cloud.ask("volume", "/limits") or {}).get("limits") or {}).get("absolute") or {}
    lacks = []
    for (most_key, used_key, words), need in zip(LIMITS, (1, 1, 2 * gib), strict=True):  # most count a snapshot's GiB
        most, used = int(told.get(most_key, -1)), int(told.get(used_key, 0))
        if 0 <= most < used + need:
            lacks.append(f"{need} {words} are needed for a while, {max(0, most - used)} of {most} are left.")
    return " ".join(lacks)


class ByVolume:
    """The way of the image *name*."""

    def __init__(self, cloud: Cloud, ctx: Context, name: str) -> None:
        self.cloud, self.ctx, self.name = cloud, ctx, name
        self._images = JobImages(cloud, ctx)

    def image(self, volume: str, fixed: Callable[[], None]) -> str:
        """Make the image of *volume*, or go on with it; its ID. *fixed*: the snapshot is made, its moment is over."""
        self.ctx.begin("snapshot")
        self.ctx.fact(by_volume=True)
        self._images.bury(self.name)
        if not (image := self._images.begun(self.name)):
            snapshot = self._ready("snapshots", self._snapshot(volume))
            fixed()
            copy = self._ready("volumes", self._copy(snapshot))
            image = self._images.begun(self.name) or self._upload(copy)
        fixed()
        self._wait_for(image)
        self._clear_away()
        return image

    def remove(self) -> bool:
        """Remove every piece, whole or not; whether nothing of it is left. To be called until it is."""
        for image in self._images.present(self.name):
            self._images.delete(image)
        gone = self._drop("volumes")
        # most kinds of storage let a snapshot go only once what was made from it has gone
        return gone and self._drop("snapshots") and not self._images.present(self.name)

    def _snapshot(self, volume: str) -> str:
        wish = {"volume_id": volume, "force": True, "name": self.name, "metadata": {MARK: self.ctx.job.id}}
        return self._first("snapshots") or self._make("snapshots", "snapshot", wish)

    def _copy(self, snapshot: dict[str, Any]) -> str:
        wish = {"snapshot_id": snapshot["id"], "size": snapshot["size"], "name": self.name}
        return self._first("volumes") or self._make("volumes", "volume", {**wish, "metadata": {MARK: self.ctx.job.id}})

    def _upload(self, copy: dict[str, Any]) -> str:
        # what a volume is marked with goes into the image made of it, so that a crash cannot leave a nameless one
        self._act(copy, "os-set_image_metadata", {"metadata": {MARK: self.ctx.job.id}})
        wish = {"image_name": self.name, "disk_format": "qcow2", "container_format": "bare"}
        made = self._act(copy, "os-volume_upload_image", wish)
        image = str(made["os-volume_upload_image"]["image_id"])
        self.ctx.fact(begun=image)
        return image

    def _make(self, kind: str, key: str, wish: dict[str, Any]) -> str:
        answer = self.cloud.call("volume", "POST", f"/{kind}", json={key: wish})
        made = str(self.cloud.read_json(answer)[key]["id"])
        self.ctx.fact(**{f"{key}_made": made})
        return made

    def _act(self, volume: dict[str, Any], what: str, wish: dict[str, Any]) -> dict[str, Any]:
        answer = self.cloud.call("volume", "POST", f"/volumes/{volume['id']}/action", json={what: wish})
        return self.cloud.read_json(answer)

    def _ready(self, kind: str, piece: str) -> dict[str, Any]:
        """Wait until the *piece* is there; `JobError` when it never will be, and then it is removed."""
        key = kind.removesuffix("s")
        for pause in _pauses():
            answer = self.cloud.ask("volume", f"/{kind}/{piece}")
            found: dict[str, Any] = (answer or {}).get(key) or {"status": "deleted"}
            if found["status"] in ("available", "uploading"):
                return found
            if found["status"] in ENDED or found["status"] in ("deleting", "deleted"):
                self._drop(kind)
                text = f"The cloud could not make a {key} of the machine's disk (it says “{found['status']}”)."
                raise JobError(text, ONCE_MORE, means=SAFE, topic="snapshot")
            self.ctx.advance()
            self.ctx.sleep(pause)
        raise AssertionError("the pauses never end")

    def _wait_for(self, image: str) -> None:
        watch = Watch()
        for pause in _pauses():
            copies = self._pieces("volumes")
            task = str(copies[0]["status"]) if copies and copies[0]["status"] not in ENDED else ""
            if watch.whole(self.cloud.ask("image", f"/images/{image}"), task):
                return
            self.ctx.advance()
            self.ctx.sleep(pause)

    def _clear_away(self) -> None:
        """Remove the volume and the snapshot; the volume is let go of a moment after its image is whole."""
        for pause, _ in zip(_pauses(), range(30), strict=False):
            if self._drop("volumes") and self._drop("snapshots"):
                return
            self.ctx.sleep(pause)
        self.ctx.note(
            f"The cloud has not yet removed the volume and the snapshot {self.name} that were needed on the way. "
            "They are removed when this export is taken back.",
            grade="care",
        )

    def _drop(self, kind: str) -> bool:
        """Ask that the job's pieces be removed; whether there are none any more."""
        pieces = self._pieces(kind)
        for piece in pieces:
            if piece["status"] != "deleting":
                # 400 and 409: it is still in use
                self.cloud.call("volume", "DELETE", f"/{kind}/{piece['id']}", ok=(400, 404, 409)).close()
        return not pieces

    def _first(self, kind: str) -> str:
        return next((str(p["id"]) for p in self._pieces(kind) if p["status"] not in ("error", "deleting")), "")

    def _pieces(self, kind: str) -> Sequence[dict[str, Any]]:
        found = self.cloud.ask("volume", f"/{kind}/detail", params={"name": self.name}) or {}
        return [p for p in found.get(kind, []) if (p.get("metadata") or {}).get(MARK) == self.ctx.job.id]


def _pauses() -> Iterator[float]:
    wait, growth, longest = LOOK
    while True:
        yield wait * random.uniform(0.8, 1.2)  # noqa: S311 - jitter, not cryptography
        wait = min(wait * growth, longest)
