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
