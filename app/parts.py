"""The disks of an export: the system disk ("/"), and the data disks that are exported as disks of their own.

In the journal the facts of the system disk are those of the step itself; the others are a list `disks` in them,
each of the same shape and with its `mount`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

Facts = dict[str, Any]
SYSTEM = "/"


def each(facts: Facts) -> list[Facts]:
    """The facts of each disk, the system disk first; empty when there are none yet."""
    if not facts:
        return []
    main = {key: value for key, value in facts.items() if key != "disks"}
    return [{**main, "mount": SYSTEM}, *facts.get("disks", [])]


def joined(found: Sequence[Facts]) -> Facts:
    """The facts of a step from those of each disk, the system disk first."""
    main, *others = found
    facts = {key: value for key, value in main.items() if key != "mount"}
    return {**facts, "disks": others} if others else facts


def of(facts: Facts, mount: str) -> Facts:
    """The facts of the disk of *mount*; empty when there are none."""
    return next((part for part in each(facts) if part["mount"] == mount), {})


def key(name: str, mount: str) -> str:
    """What a fact *name* of one disk is called while its step is still running."""
    return name if mount == SYSTEM else f"{name} {mount}"


def tag(mount: str) -> str:
    """*mount* as a piece of a file's name: `/srv/my data` is `srv-my-data`; empty for the system disk."""
    if mount == SYSTEM:
        return ""
    plain = re.sub(r"[^A-Za-z0-9.]+", "-", mount).strip("-.")[:60]
    if f"/{plain}" == mount:
        return plain
    return f"{plain}-{hashlib.sha256(mount.encode('utf-8', 'surrogatepass')).hexdigest()[:4]}".lstrip("-")


def named(name: str, mount: str) -> str:
    """*name* with the tag of *mount* before its ending: `sandbox.qcow2` → `sandbox-data.qcow2`."""
    path = PurePosixPath(name)
    return f"{path.stem}-{tag(mount)}{path.suffix}" if tag(mount) else name


def words(mount: str) -> str:
    """The disk of *mount* in a sentence."""
    return "the system disk" if mount == SYSTEM else f"the disk of {mount}"
