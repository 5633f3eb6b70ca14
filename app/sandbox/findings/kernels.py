"""The kernels on a sandbox, and which drivers they have when they look for their disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Kernel:
    """One installed kernel. *drivers* has `-` for `_`; *read* says whether its start-up image could be read."""

    version: str
    image: str = ""
    builtin: tuple[str, ...] = ()
    drivers: tuple[str, ...] = ()
    config: dict[str, str] = field(default_factory=dict)
    read: bool = False

    def has(self, driver: str) -> bool:
        """Whether the driver is there before the root file system is."""
        option = "CONFIG_" + driver.upper().replace("-", "_")
        return driver in self.builtin or driver in self.drivers or self.config.get(option) == "y"

    @property
    def virtio(self) -> bool | None:
        """Whether it finds a virtio disk; None when that could not be seen."""
        if all(self.has(driver) for driver in ("virtio-blk", "virtio-pci")):
            return True
        return False if self.read else None

    @property
    def xen_only(self) -> bool:
        """A kernel for paravirtual Xen alone, as old Amazon and SUSE ones (`kernel-xen`) were."""
        return self.version.endswith(("xen", "xenU", "-ec2"))

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def kernels(lines: Sequence[str]) -> list[Kernel]:
    """The kernels that look_boot.sh tells."""
    found: list[dict[str, Any]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word == "kernel":
            found.append({"version": rest, "config": {}})
        elif found and word in ("builtin", "drivers"):
            found[-1][word] = tuple(rest.split())
            found[-1]["read"] = found[-1].get("read", False) or word == "drivers"
        elif found and word == "image":
            found[-1]["image"] = "" if rest == "-" else rest
        elif found and line.startswith("CONFIG_"):
            key, _, value = line.partition("=")
            found[-1]["config"][key] = value
    return [Kernel(**entry) for entry in found]
