"""Secrets that lie about on a sandbox: what kinds there are, what each opens, and what happens to them in the copy.

Only their names are known here: no content of a secret ever leaves the sandbox.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from app.job import Job
from app.sandbox import remote, seeking
from app.sandbox.look import Secret
from app.sandbox.mounts import MADE_UP, Line, inside, visible

LIMIT, LONGEST = 45, 180  # seconds to look at one place, and at all
KEEP, MOST = 2_000_000, 2000  # bytes of an answer, and secrets, that are taken
KINDS = Path(__file__).resolve().parents[2] / "resources" / "clean" / "kinds.toml"


@dataclass(frozen=True)
class Kind:
    """A kind of secret: its *name* for people, and what it *opens*, a sentence.

    *act* and *then* are how it is removed from a copy (`app.cleaning.Act`). *live*: why it cannot be taken off a
    running machine, a sentence; empty when it can.
    """

    id: str
    name: str
    opens: str
    act: str = "remove"
    then: str = ""
    live: str = ""


@cache
def kinds() -> dict[str, Kind]:
    """Every kind by its id."""
    words = {field.name for field in fields(Kind)}
    return {name: Kind(name, **{k: v for k, v in entry.items() if k in words}) for name, entry in _table().items()}


@cache
def _table() -> dict[str, dict[str, Any]]:
    return tomllib.loads(KINDS.read_text(encoding="utf-8"))


def request(mark: str) -> bytes:
    """What resources/sandbox/secrets.sh must be given; its answer is cut at *mark*."""
    return remote.given(
        MARK=mark,
        LIMIT=str(LIMIT),
        LONGEST=str(LONGEST),
        KEEP=str(KEEP),
        JUDGE=remote.script("judge") + seeking.judge(_table()),
        MAIN=seeking.seek(_table()) + remote.script("search"),
    )


def kind(name: str) -> Kind:
    """The kind *name*; a plain one for a name that is not known (a journal of a later version)."""
    return kinds().get(name, Kind(name, "secret", "It may open a door somewhere."))


def shown(name: bytes) -> str:
    r"""A file name as text that can be read, kept in a journal and typed: `\` is `\\`, and bytes that are no UTF-8
    and control characters are `\xNN`. `raw` is the way back.
    """
    text = name.replace(b"\\", b"\\\\").decode("utf-8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", _escaped, text)


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in found[0].encode())


def raw(path: str) -> bytes:
    """The file name that `shown` has shown."""
    pieces = re.split(rb"\\(\\|x[0-9a-f]{2})", path.encode("utf-8", "surrogateescape"))
    pieces[1::2] = [b"\\" if piece == b"\\" else bytes([int(piece[1:], 16)]) for piece in pieces[1::2]]
    return b"".join(pieces)


def is_folder(path: str) -> bool:
    """Whether the secret at *path* is a whole folder."""
    return any(fnmatchcase(path, pattern) for entry in _table().values() for pattern in entry.get("folders", ()))


@dataclass(frozen=True)
class Found:
    """What was found, and what could not be looked at: *late* places, those on the *network*, and whether there is
    more than was told (*cut*).
    """

    secrets: tuple[Secret, ...] = ()
    late: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    cut: bool = False


def read(answer: bytes, lines: Sequence[Line], mounts: Collection[str]) -> Found:
    """Read the part `secrets` of the answer; *mounts* are the paths of the data mounts.

    What lies in memory only (a tmpfs) does not travel and is left out; one path is told once, by its first kind.
    """
    parts = answer.split(b"\0")
    places = {line.path: line for line in visible(lines)}
    found: dict[str, Secret] = {}
    remarks: dict[str, list[str]] = {}
    for record in parts[:-1]:
        kind, owner, size, name = [*record.split(b"\t", 3), b"", b"", b""][:4]
        path = shown(name)
        if kind.startswith(b"!"):
            remarks.setdefault(kind.decode("ascii", "replace"), []).append(path)
        elif path not in found and name.startswith(b"/") and _on_disk(os.fsdecode(name), places):
            number = int(size) if size.isdigit() else 0
            found[path] = Secret(
                path, kind.decode("ascii", "replace"), shown(owner), number, inside(path, mounts) or "/"
            )
    told = tuple(found.values())
    cut = "!done" not in remarks or len(told) > MOST
    late, network = (tuple(dict.fromkeys(remarks.get(word, ()))) for word in ("!late", "!network"))
    return Found(tuple(sorted(told[:MOST], key=lambda secret: secret.path)), late, network, cut)


def _on_disk(path: str, places: Mapping[str, Line]) -> bool:
    if path.startswith("/dev/"):
        return True
    place = places.get(inside(path, places))
    return place is None or place.path == "/" or not MADE_UP.fullmatch(place.fstype)


def plan(found: Sequence[Secret], job: Job) -> list[tuple[Secret, str]]:
    """What happens to each secret in the copy of *job*: `keep` or `remove`; those that stay behind are left out."""
    decided = {decision.path: decision.what for decision in job.secrets}
    usual = "remove" if job.clean == "share" else "keep"
    return [(secret, decided.get(secret.path, usual)) for secret in found if travels(secret, job)]


def of(facts: Mapping[str, Any]) -> tuple[Secret, ...]:
    """The secrets in the journal's facts of the step checkup (entry `secrets`); an entry that is none is left out."""
    known = {field.name for field in fields(Secret)}
    return tuple(
        Secret(**{key: value for key, value in entry.items() if key in known})
        for entry in facts.get("secrets", [])
        if isinstance(entry, dict) and {"path", "kind"} <= entry.keys()
    )


def travels(secret: Secret, job: Job) -> bool:
    """Whether the disk that *secret* lies on is part of the export."""
    how = {include.mount: include.how for include in job.include}
    return secret.mount == "/" or how.get(secret.mount, "leave") != "leave"
