"""Tell the cloud what the image is, so that machines made of it get the right size, firmware and disk."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from app import parts, place
from app.disk import gate, image
from app.steps import Plain
from app.stores import open_store
from app.stores.remote import Publishing
from app.targets import load

if TYPE_CHECKING:
    from app.context import Context
    from app.job import Job
    from app.journal import Facts

GIB = 1 << 30


class Publish(Plain):
    """The properties of each image (docs.openstack.org/glance, “Useful image properties”)."""

    name = "publish"

    def applies(self, job: Job) -> bool:
        """Where images have properties."""
        return job.target.startswith("openstack:")

    def run(self, ctx: Context) -> Facts:
        """Set them; done again, they are the same."""
        told: dict[str, dict[str, str | int]] = {}
        with closing(open_store(ctx.job.target_folder, ctx)) as store:
            if not isinstance(store, Publishing):
                raise AssertionError(f"{store.url} takes no properties")
            for made in parts.each(ctx.state.of("convert")):
                known = _known(made, ctx)
                if not store.describe(made["name"], known):
                    raise place.removed_since(made["name"])
                told[made["name"]] = known
        return {"properties": told}


def _known(made: Facts, ctx: Context) -> dict[str, str | int]:
    found: dict[str, str | int] = {"min_disk": -(-int(made["virtual_size"]) // GIB)}
    if made["mount"] != parts.SYSTEM:
        return found
    info, target = image.inspect(Path(made["path"]), ctx), load(ctx.job.profile)
    firmware = gate.firmware_for(info, target)
    found |= {"os_type": "linux", "hw_disk_bus": target.bus, "hw_firmware_type": firmware}
    if target.bus == "virtio":
        found["hw_vif_model"] = "virtio"
    if architecture := str(ctx.state.of("checkup").get("architecture", "")):
        found["architecture"] = architecture
    return found


STEP = Publish()
