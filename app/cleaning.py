"""What is taken out of the copy: the profiles of resources/clean, and the secrets that were decided to go. Pure."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from app.errors import Usage
from app.job import CLEANS, Job
from app.sandbox import secrets
from app.sandbox.look import Secret

FOLDER = Path(__file__).resolve().parent.parent / "resources" / "clean"
ACTS = ("remove", "empty", "truncate", "lock")
HOMES = ("/root", "/home/*")  # what `~` means at the beginning of a glob


@dataclass(frozen=True)
class Item:
    """One theme of a profile.

    *sentence* tells the person what goes and why; *globs* are absolute, as a shell has them (`*` matches neither `/`
    nor a leading dot). *on* items are done without being asked for. *live*: it would do no harm on a running machine.
    *then* as in `Act`.
    """

    id: str
    title: str
    sentence: str
    act: str
    globs: tuple[str, ...]
    on: bool = True
    live: bool = False
    then: str = ""


@dataclass(frozen=True)
class Profile:
    """What a copy is for, and what goes for that."""

    name: str
    title: str
    summary: str
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Act:
    """One thing to do in the copy, in this order.

    *act*: `remove` a file, link or folder with all in it; `empty` a folder (it stays); `truncate` a file to nothing
    (owner and mode stay; a link is followed only inside the copy); `lock` a shadow(5) file: each password hash becomes
    `*`, and nothing else changes. *path* is absolute, bytes that are no UTF-8 as `os.fsdecode` gives them; it is a
    shell glob where *glob* says so, and else literal. What is not there is no error.
    *keep*: paths that must still be there afterwards; see `spares`. *mount*: the data mount it lies on, or `/`.
    *then*: `host-keys` when the copy must make itself new SSH host keys at its first start; else empty.
    """

    act: str
    path: str
    why: str
    glob: bool = False
    keep: tuple[str, ...] = ()
    mount: str = "/"
    then: str = ""

    def spares(self, found: str) -> bool:
        """Whether *found*, a path that the glob matched (or lies below it), must stay: it is, or holds, a kept one."""
        return any(kept == found or kept.startswith(found.rstrip("/") + "/") for kept in self.keep)


@cache
def profile(name: str) -> Profile:
    """The profile *name* (`move` or `share`); raises `Usage` when there is none."""
    if name not in CLEANS:
        raise Usage(f"“{name}” is no way to clean.", f"Choose one of {', '.join(CLEANS)}.")
    return parse(name, (FOLDER / f"{name}.toml").read_text(encoding="utf-8"))


def parse(name: str, text: str) -> Profile:
    """Read a profile; raises `ValueError` with what is wrong."""
    data = tomllib.loads(text)
    items = tuple(_item(entry) for entry in data["item"])
    ids = [item.id for item in items]
    if twice := {i for i in ids if ids.count(i) > 1}:
        raise ValueError(f"named twice: {', '.join(sorted(twice))}")
    return Profile(name, data["title"], data["summary"], items)


def acts_for(job: Job, found: Sequence[Secret]) -> list[Act]:
    """What is to be done in the copy of *job*, where *found* are the secrets of its sandbox (`Look.secrets`).

    What the person wants to keep is in no act but in its `keep`. The same for the same arguments.
    """
    planned = secrets.plan(found, job)
    kept = tuple(os.fsdecode(secrets.raw(secret.path)) for secret, what in planned if what == "keep")
    kept += tuple(os.fsdecode(secrets.raw(decision.path)) for decision in job.secrets if decision.what == "keep")
    kept = tuple(dict.fromkeys(kept))
    acts = [
        Act(item.act, glob, item.sentence, glob=True, keep=kept, then=item.then)
        for item in profile(job.clean).items
        if item.on
        for glob in item.globs
    ]
    for secret, what in planned:
        if what == "remove":
            kind = secrets.kind(secret.kind)
            path = os.fsdecode(secrets.raw(secret.path))
            acts.append(Act(kind.act, path, kind.opens, keep=kept, mount=secret.mount, then=kind.then))
    return acts


def _item(entry: dict[str, Any]) -> Item:
    known = {"id", "title", "sentence", "act", "globs", "on", "live", "then"}
    if unknown := entry.keys() - known:
        raise ValueError(f"{entry.get('id')}: not known: {', '.join(sorted(unknown))}")
    if entry["act"] not in ACTS:
        raise ValueError(f"{entry['id']}: no act: {entry['act']}")
    globs = tuple(glob for written in entry["globs"] for glob in _absolute(written))
    if bad := [glob for glob in globs if not _is_safe(glob)]:
        raise ValueError(f"{entry['id']}: {bad[0]} could match too much")
    return Item(**{**entry, "globs": globs})


def _absolute(glob: str) -> list[str]:
    return [home + glob[1:] for home in HOMES] if glob.startswith("~/") else [glob]


def _is_safe(glob: str) -> bool:
    """Absolute, without `..`, and with a name of its own in it: `/*` or `/home/*` would take everything."""
    parts = glob.split("/")[1:]
    named = [part for part in parts if part.strip("*?.")]
    return (
        glob.startswith("/") and ".." not in parts and "" not in parts and len(named) > (parts[0] in ("home", "root"))
    )
