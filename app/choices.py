"""What the window must know while a person still decides: kinds and profiles in words, and what each choice means.

Pure questions about a look that was taken; nothing here talks to a machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from app.context import Finding
from app.job import Decision, Include, Job
from app.journal import State

if TYPE_CHECKING:  # app.sandbox brings SSH with it, and the window is to start quickly
    from app.cleaning import Item
    from app.sandbox.look import Look, Secret
    from app.sandbox.room import Room
    from app.sandbox.secrets import Kind
    from app.sandbox.vault import Ways

__all__ = [
    "clean_findings",
    "decided",
    "grow_why_not",
    "items",
    "kind",
    "own_disk_why_not",
    "room",
    "travelling",
    "ways_out",
]


def kind(name: str) -> Kind:
    """A kind of secret: its name for people, and what it opens."""
    from app.sandbox import secrets

    return secrets.kind(name)


def items(profile: str) -> Sequence[Item]:
    """The themes that the profile *profile* (`move`, `share`) takes out besides the secrets."""
    from app import cleaning

    return [item for item in cleaning.profile(profile).items if item.on]


def room(look: Look, include: Sequence[Include]) -> Room:
    """The forecast of the root disk."""
    from app.sandbox.room import room as forecast

    return forecast(look, include)


def own_disk_why_not(look: Look, path: str) -> str:
    """Why the mount *path* cannot be exported as a disk of its own, as a part of a sentence; empty when it can."""
    disk = next((disk for disk in look.disks if disk.mount == path), None)
    system = {name for disk in look.disks if disk.mount == "/" for name in disk.names}
    if disk is None:
        return "its disk was not seen"
    return disk.why_not or ("it lies on the system disk" if system & set(disk.names) else "")


def grow_why_not(look: Look, path: str) -> str:
    """Why the mount *path* cannot be put into a bigger copy, as a part of a sentence; empty when it can."""
    from app.sandbox import growth

    how = {mount.path: "merge" for mount in look.mounts} | {path: "grow"}
    here = growth.here(look)[0]
    return growth.why_not(look, path, how) or here[:1].lower() + here[1:].rstrip(".")


def ways_out(look: Look, include: Sequence[Include]) -> list[Include]:
    """Single changes to *include* that make it fit, the gentlest first; empty when it fits or none is enough."""
    if room(look, include).fits:
        return []
    found = []
    barred = {"grow": grow_why_not, "disk": own_disk_why_not, "leave": lambda *_: ""}
    for how, why_not in barred.items():
        for one in include:
            changed = [Include(i.mount, how) if i == one else i for i in include]
            if one.how == "merge" and not why_not(look, one.mount) and room(look, changed).fits:
                found.append(Include(one.mount, how))
    return found


def travelling(look: Look, include: Sequence[Include]) -> list[Secret]:
    """The secrets on the disks that come along."""
    from app.sandbox import secrets

    job = Job("", "", include=tuple(include))
    return [secret for secret in look.secrets if secrets.travels(secret, job)]


def decided(job: Job, state: State) -> tuple[int, int]:
    """How many of the secrets that were found are kept in the copy of *job*, and how many were to be taken out."""
    from app.sandbox import secrets

    planned = [what for _, what in secrets.plan(secrets.of(state.of("checkup")), job)]
    return planned.count("keep"), planned.count("remove")


def clean_findings(
    look: Look, include: Sequence[Include], clean: str, decided: Sequence[Decision], sandbox: str = ""
) -> list[Finding]:
    """What becomes of the secrets in the copy, where that is done, and what stands in the way."""
    from app.sandbox import secret_findings

    job = Job("", "", sandbox=sandbox, include=tuple(include), clean=clean, secrets=tuple(decided))
    return [*_where(look, job), *(_for_a_window(found) for found in secret_findings.for_job(look, job))]


def _for_a_window(found: Finding) -> Finding:
    """*found* with a remedy that is a place on the page, not an option of the terminal."""
    if "--secret" not in found.remedy:
        return found
    return replace(found, remedy="Where it does not, keep one way in: tick the accounts' passwords or one key below.")


def _where(look: Look, job: Job) -> Iterator[Finding]:
    """Where the cleaning takes place."""
    from app.disk.guest import why_not
    from app.sandbox import vault

    if not vault.wanted(job):
        return
    why, remedy = why_not()
    if not why:
        text = "Your machine itself is not touched by that."
        yield Finding("ok", "Things are taken out on the copy, on this computer.", text, topic="adapt")
    elif job.clean == "share":
        text = f"{why} Without it, the copy would be given away with all it holds."
        yield Finding("stop", "A template cannot be made on this computer.", text, remedy, "adapt")
    else:
        yield from _there(vault.ways(look.secrets, look.mounts, job), why, remedy)


def _there(ways: Ways, why: str, remedy: str) -> Iterator[Finding]:
    """Without libguestfs: on the machine itself, for the moment of the snapshot."""
    for secret, reason in ways.refused[:20]:
        yield Finding("stop", f"{secret.path} cannot be taken out here.", f"{why} {reason}", remedy, "adapt")
    if ways.aside:
        text = "They are put aside on your machine for the moment of the snapshot and put back right after it. "
        yield Finding("care", "Secrets are taken off your machine for a moment.", text + why, remedy, "adapt")
    elif ways.left:
        yield Finding("ok", "Secrets are left out while the data is copied.", "Your machine keeps them.", topic="adapt")
