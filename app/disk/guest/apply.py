"""Everything that is changed on one copy, in the order that counts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from app.context import Context
from app.disk.guest import cards, clean, cloud_init, console, disks, initramfs, network, traces, trim
from app.disk.guest.change import Change
from app.disk.guest.files import Guest
from app.disk.guest.shell import Refused
from app.disk.guest.system import System

log = logging.getLogger(__name__)


class Act(Protocol):
    """What `app.cleaning.Act` is: one thing to take out of the copy."""

    @property
    def act(self) -> str:
        """`remove`, `empty`, `truncate` or `lock`."""

    @property
    def path(self) -> str:
        """Where, absolute."""

    @property
    def why(self) -> str:
        """A sentence."""

    @property
    def glob(self) -> bool:
        """Whether the path is a shell glob."""

    @property
    def then(self) -> str:
        """`host-keys`, or empty."""

    def spares(self, found: str) -> bool:
        """Whether what was found must stay."""


@dataclass(frozen=True)
class Plan:
    """What is wanted: traces of *job* go, repairs (`app/fixes.py`) by id, what is cleaned; *bus* is the target's.

    *along*: mount points of the disks that travel with the copy → the UUID of their file system, or empty.
    """

    job: str
    fixes: Collection[str] = ()
    acts: Sequence[Act] = ()
    bus: str = "virtio"
    along: Mapping[str, str] = field(default_factory=dict)


def apply(guest: Guest, system: System, plan: Plan, ctx: Context) -> list[Change]:
    """Do all of *plan*; what fails is told in a `Change` of grade `care`, and the rest is still done."""
    done: list[Change] = []
    state = traces.state_of(guest, plan.job)
    hint = traces.root_device(guest, state)
    for name, act in _acts(guest, system, plan, hint):
        ctx.begin(name)
        done += _tried(name, act)
    return done


def _acts(guest: Guest, system: System, plan: Plan, hint: str) -> Iterator[tuple[str, Callable[[], Iterator[Change]]]]:
    yield "traces", lambda: traces.remove(guest, plan.job)
    repairs: dict[str, Callable[[], Iterator[Change]]] = {
        "device-names": lambda: disks.by_uuid(guest, system, hint, plan.along),
        "missing-disks": lambda: disks.unhurried(guest, system, hint, plan.along),
        "nic-rules": lambda: cards.remove(guest),
        "network": lambda: network.by_dhcp(guest, system),
        "console": lambda: console.on_serial(guest, system),
        "cloud-init": lambda: cloud_init.look_everywhere(guest),
        "virtio": lambda: initramfs.with_drivers(guest, system, plan.bus),
    }
    yield from ((name, act) for name, act in repairs.items() if name in plan.fixes)
    if plan.acts:
        yield "clean", lambda: clean.clean(guest, system, plan.acts)
    yield "trim", lambda: trim.drop_free_space(guest, system, wipe_swap=bool(plan.acts))


def _tried(name: str, act: Callable[[], Iterator[Change]]) -> list[Change]:
    done: list[Change] = []
    try:
        done.extend(act())
    except Refused as exc:
        log.warning("%s in the copy: %s", name, exc.message)
        done.append(Change(name, f"This could not be done to its end: {exc.message}", grade="care"))
    return done
