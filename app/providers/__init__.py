"""Clouds that hold machines. A provider lists, snapshots and cleans up; it never moves bytes, it answers with a URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from app.errors import Usage

if TYPE_CHECKING:
    from app.context import Context

PROVIDERS = {"openstack": "openstack:OpenStack"}


@dataclass(frozen=True)
class Machine:
    """A machine in a cloud. *disk* is in GiB; *boot* is `image` or `volume`.

    *root*: the volume that it starts from; *hindrance*: why no snapshot of it can be made now.
    *quiesced*: the cloud itself has the machine hold its writing while a snapshot is made.
    """

    id: str
    name: str
    status: str
    url: str
    boot: str = "image"
    disk: int = 0
    volumes: int = 0
    addresses: tuple[str, ...] = ()
    note: str = ""
    quiesced: bool = False
    root: str = ""
    hindrance: str = ""


@dataclass(frozen=True)
class Flavor:
    """A size of machine: *ram* in MiB, *disk* in GiB (0: what the image has)."""

    id: str
    name: str
    ram: int
    disk: int
    vcpus: int


@dataclass(frozen=True)
class Seen:
    """A test machine at one moment: the cloud's *status*, why it failed, what it *said* on its serial line.

    *console*: whether the cloud tells that at all.
    """

    status: str
    fault: str = ""
    said: bytes = b""
    console: bool = False
    addresses: tuple[str, ...] = ()


class Trial(Protocol):
    """A machine that is started from an image for a test. It is found again by its name and the job's mark."""

    @property
    def cloud_name(self) -> str:
        """What the person calls the cloud."""

    def flavor(self) -> Flavor:
        """The smallest size of machine that will do; `JobError` when the cloud offers none."""

    def start(self, image: str, network: str = "") -> str:
        """Start it from *image*, or find it; its ID. *network*: a name or an ID, empty for none."""

    def look(self, machine: str) -> Seen:
        """How it is."""

    def removed(self) -> None:
        """Remove it with all that is its own, and wait until it has gone; gone already is fine."""


class Provider(Protocol):
    """One cloud, logged in."""

    def machines(self) -> Sequence[Machine]:
        """The machines that this login may see."""

    def machine(self, url: str) -> Machine:
        """The machine that *url* names; `JobError` when there is none."""

    def snapshot(self, machine: Machine, name: str, fixed: Callable[[], None] = ...) -> str:
        """Make (or find, if *name* exists already) a hot snapshot, wait until it is whole, return its URL.

        *fixed* is called (at least once) as soon as nothing that the machine writes gets into it any more.
        """

    def find(self, name: str) -> str:
        """The URL of the snapshot *name* that this job made, empty when there is none."""

    def trial(self, name: str, gib: int) -> Trial:
        """The test machine *name*, with a disk of *gib* GiB."""

    def remove(self, name: str) -> bool:
        """Remove what `snapshot` made under *name*, whole or not; whether nothing is left. To be called until it is."""


def open_provider(url: str, ctx: Context) -> Provider:
    """The provider of the cloud in *url*, e.g. `openstack://CLOUD/…`."""
    scheme = urlsplit(url).scheme
    if scheme not in PROVIDERS:
        raise Usage(f"There is no cloud of the kind {scheme}://.", f"Use one of: {', '.join(PROVIDERS)}.")
    module, name = PROVIDERS[scheme].split(":")
    made: Provider = getattr(import_module(f"app.providers.{module}"), name)(url, ctx)
    return made
