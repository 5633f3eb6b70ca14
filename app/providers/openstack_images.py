"""The images at a cloud that a job made: found by name and mark, whatever a crash left of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from app.providers.openstack_wait import dead

if TYPE_CHECKING:
    from app.clouds import Cloud
    from app.context import Context

MARK = "sandhopper_job"  # image property: the job that made it
GONE = ("deleted", "pending_delete")


class JobImages:
    """Those of the job of *ctx*."""

    def __init__(self, cloud: Cloud, ctx: Context) -> None:
        self.cloud, self.ctx = cloud, ctx

    def named(self, name: str) -> list[dict[str, Any]]:
        """All of that name, the newest first."""
        answer = self.cloud.ask("image", "/images", params={"name": name, "sort": "created_at:desc"}) or {}
        return [i for i in answer.get("images", []) if i.get("name") == name and i.get(MARK) == self.ctx.job.id]

    def begun(self, name: str) -> str:
        """The ID of one that is whole or may become so; empty when there is none."""
        return next((str(i["id"]) for i in self.named(name) if not dead(i)), "")

    def present(self, name: str) -> list[str]:
        """The IDs of all that take room, whole or not."""
        return [str(i["id"]) for i in self.named(name) if i["status"] not in GONE]

    def bury(self, name: str) -> None:
        """Remove what is left of failed attempts, or the cloud's limit fills up with them."""
        for image in self.named(name):
            if dead(image) and image["status"] not in GONE:
                self.delete(str(image["id"]))

    def delete(self, image: str) -> None:
        """Gone already is fine."""
        self.cloud.call("image", "DELETE", f"/images/{quote(image, safe='')}", ok=(404,)).close()
