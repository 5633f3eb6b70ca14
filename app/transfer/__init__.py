"""Copy a file between two stores: go on where it stopped, prove what arrived, give it its name last.

Nothing is believed because its length is right: what lies there already is compared before it is used, and the
finished file is proven before it gets its name. See `Outcome.grade` for how strong the proof is.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.context import Context
from app.errors import JobError, Transient
from app.stores import Store
from app.transfer.end import discard, publish, stop_if_taken
from app.transfer.proof import Changed, Original, Proof, digest, prove
from app.transfer.sending import SENDING, Sending
from app.transfer.watch import Watch, Wishes

__all__ = ["SENDING", "Original", "Outcome", "Wishes", "copy", "digest", "part_name", "sidecar"]


@dataclass(frozen=True)
class Outcome:
    """How a copy ended.

    *proof* is a sentence; *grade* one of `sha256-server` (the far side computed the same SHA-256), `read-back`
    (read back as a whole), `sampled` (read back in places), `size`, `accepted` (the server said so; nobody can
    look). *sent* and *resumed_at* are bytes, *sha256* is empty where it is not known.
    """

    proof: str
    grade: str
    sent: int
    resumed_at: int
    seconds: float
    sha256: str = ""


def part_name(name: str, sha256: str = "") -> str:
    """What an unfinished file is called; the digest (or another mark of the image) keeps two images apart."""
    return f"{name}.{sha256[:8]}.part" if sha256 else f"{name}.part"


def copy(
    source: Store,
    name: str,
    target: Store,
    new_name: str,
    ctx: Context,
    *,
    sha256: str = "",
    mark: str = "",
    wishes: Wishes | None = None,
    verify: str = "auto",
    fresh: bool = False,
) -> Outcome:
    """Copy *name* of *source* to *new_name* of *target*. Safe to call again after any interruption.

    *sha256* is what the file is known to have; where nobody knows it yet, it is computed while the file is sent, and
    *mark* keeps the unfinished file apart from another image's. *wishes* say how fast it may go, and may change
    meanwhile; *verify* is `auto`, `whole`, `sampled` or `size`. *fresh*: *new_name* was free when the job began, so
    a file that has it now is somebody else's and is left alone.
    Raises `Transient` when calling it again may help, `JobError` when it will not.
    """
    began = time.monotonic()
    file = Original.of(source, name, sha256, ctx)
    if proof := _there_already(file, target, new_name, ctx, verify):
        return Outcome(proof.text, proof.grade, 0, file.size, time.monotonic() - began, _hash_of(file, ctx))
    can = target.abilities
    part = part_name(new_name, sha256 or mark) if can.rename and not can.whole else new_name
    fresh = fresh and part != new_name  # else it may be our own unfinished file
    if fresh:
        stop_if_taken(target, new_name)
    sending = Sending(file, target, part, ctx, Watch(ctx, target, wishes or Wishes()), verify)
    proof = sending.proven()
    if part != new_name:
        publish(target, part, new_name, file.size, fresh=fresh)
    seconds = time.monotonic() - began
    return Outcome(proof.text, proof.grade, file.size - sending.first, sending.first, seconds, _hash_of(file, ctx))


def _hash_of(file: Original, ctx: Context) -> str:
    """The file's SHA-256, where it is known or is no second download; all of it may have lain there before."""
    return file.sha256 or (digest(file.store, file.name, ctx) if file.here else "")


def sidecar(target: Store, name: str, sha256: str) -> str:
    """Write `NAME.sha256` beside the image, as GNU sha256sum wants it; its name, or empty where it may not be."""
    line = f"{sha256}  {name}\n".encode()
    beside = f"{name}.sha256"
    try:
        target.write(beside, iter([line]), 0, lambda _: None)
    except Transient:
        raise
    except JobError:
        discard(target, beside)
        return ""
    return beside


def _there_already(file: Original, target: Store, new_name: str, ctx: Context, verify: str) -> Proof | None:
    """The proof that the finished file lies there, e.g. because a crash came right after the rename."""
    if not target.abilities.size or target.size(new_name) != file.size:
        return None
    try:
        found = prove(file, target, new_name, ctx, "auto" if verify == "size" else verify)
    except Changed:  # said once what was sent is looked at
        return None
    if found.wrong is None and found.grade != "size":
        ctx.note(f"{new_name} is there already, with the same content.")
        return found
    return None
