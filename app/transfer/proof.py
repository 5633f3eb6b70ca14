"""Whether two files are the same: by the far side's SHA-256, by reading back all or samples, and how sure that is."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from app.context import Context
from app.errors import JobError, Transient
from app.hashing import Hashing
from app.stores import Store

if TYPE_CHECKING:
    from hashlib import _Hash

MIB = 1 << 20
SAMPLES, SAMPLE = 16, 1 << 18  # how many, bytes each; besides the first and the last MiB
FIRST_WAIT, LONGEST_WAIT = 1.0, 256.0  # seconds; doubled while nothing comes, some nine minutes in all
HASHING = "The other side is computing the SHA-256"
READING_BACK = "Reading the image back"
SAMPLING = "Reading samples back"
READING = "Reading the image here"


@dataclass
class Original:
    """The file that is copied: *size* in bytes, *sha256* empty while it is not known."""

    store: Store
    name: str
    size: int
    sha256: str
    _begun: tuple[int, _Hash] | None = field(default=None, repr=False)

    @classmethod
    def of(cls, store: Store, name: str, sha256: str, ctx: Context) -> Original:
        """Look at the source; `JobError` when it is not there."""
        size = store.size(name)
        if size is None:
            raise JobError(f"There is no {name} at {store.url}.", "Make it again, or check its name.")
        return cls(store, name, size, sha256)

    @property
    def here(self) -> bool:
        """Whether reading it twice costs nothing but this computer's disk."""
        return self.store.url.startswith("file:")

    def beginning(self, length: int, ctx: Context) -> _Hash | None:
        """The running SHA-256 of the first *length* bytes; None where that means a second download."""
        if not self.here:
            return None
        if self._begun is None or self._begun[0] != length:
            sha = hashlib.sha256()
            ctx.begin(READING, length)
            for block in self.store.read(self.name, 0, length):
                sha.update(block)
                ctx.advance(len(block))
            self._begun = length, sha
        return self._begun[1].copy()


class Changed(JobError):
    """The file here is not what it was when its SHA-256 was taken."""

    def __init__(self) -> None:
        super().__init__(
            "The image on this computer changed while it was being sent.",
            "Take this export back and start a new one; if nobody changed the file, this computer's disk is suspect.",
            means="What had arrived at the other side was deleted there.",
            topic="changed",
        )


@dataclass(frozen=True)
class Proof:
    """How sure it is (`Outcome.grade`), in a sentence; *wrong* says what differs, None when nothing does.

    *at* is the first wrong byte that was found, None where nobody knows it.
    """

    grade: str
    text: str
    wrong: str | None = None
    at: int | None = None


def digest(store: Store, name: str, ctx: Context, phase: str = READING) -> str:
    """The SHA-256 (hex) of a file's content, read here, whatever the far side says."""
    sha = hashlib.sha256()
    ctx.begin(phase, store.size(name) or 0)
    for block in store.read(name):
        sha.update(block)
        ctx.advance(len(block))
    return sha.hexdigest()


def prove(file: Original, target: Store, name: str, ctx: Context, verify: str) -> Proof:
    """The strongest proof that *verify* asks for and the place allows; both files have the same length already.

    Where the far side computes no hash, all of it is read back: samples, which have to be asked for, do not find one
    wrong byte among billions. Raises `Changed` where the far side has what is here, and here is not what was.
    """
    if verify == "size":
        return Proof("size", "Only the length was compared, as you asked.")
    if found := _by_server(file, target, name, ctx):
        return found
    if not target.abilities.read:
        return Proof("size", "The place lets nobody read it back, so only the length was compared.")
    try:
        return (_by_samples if verify == "sampled" else _read_back)(file, target, name, ctx)
    except (Transient, Changed):
        raise
    except JobError as exc:
        if file.here and file.sha256 and digest(file.store, file.name, ctx) != file.sha256:
            raise Changed from exc
        return Proof("size", f"The image could not be read back, so only the length was compared. {exc.message}")


def _by_server(file: Original, target: Store, name: str, ctx: Context) -> Proof | None:
    if not file.sha256 and not file.here:
        return None
    if target.abilities.digest:
        ctx.begin(HASHING)
    shown = target.digest(name)
    if shown is None:
        return None
    wanted = file.sha256 or digest(file.store, file.name, ctx)
    file.sha256 = wanted
    text = "The other side computed the same SHA-256."
    if shown == wanted:
        return Proof("sha256-server", text)
    wrong = "its SHA-256, as the other side computed it, is another one"
    return Proof("sha256-server", text, wrong, _place_of_wrong(file, target, name, ctx))


def _place_of_wrong(file: Original, target: Store, name: str, ctx: Context) -> int | None:
    if not (file.here and target.abilities.read):
        return None
    try:
        return _read_back(file, target, name, ctx).at
    except (Transient, Changed):
        raise
    except JobError:
        return None


def _read_back(file: Original, target: Store, name: str, ctx: Context) -> Proof:
    """Read everything back, beside the file here where there is one: so the place of a wrong byte is known."""
    text, at = "The whole image was read back and compared.", 0
    ctx.begin(READING_BACK, file.size)
    with closing(_Beside(file)) as mine, closing(Hashing(hashlib.sha256())) as sha:
        for block in _unbroken(target, name, file.size, ctx):
            if (same := mine.same(block)) < len(block):
                return Proof("read-back", text, f"from byte {at + same:,} on", at + same)
            sha.update(block)
            at += len(block)
            ctx.advance(len(block))
        shown = sha.hexdigest()
    if file.sha256 and shown != file.sha256:
        if file.here:
            raise Changed
        return Proof("read-back", text, "its content, read back, has another SHA-256")
    file.sha256 = shown
    return Proof("read-back", text)


def is_read_back(file: Original, target: Store, verify: str) -> bool:
    """Whether the proof will read all of *target*'s file beside the one here, and so find its SHA-256 as well."""
    return file.here and target.abilities.only_read_back and verify not in ("size", "sampled")


def _unbroken(store: Store, name: str, size: int, ctx: Context) -> Iterator[bytes]:
    """The *size* bytes of a file; what a cut line brought already is not read again. `Transient` if it stays cut."""
    at, wait = 0, FIRST_WAIT
    while at < size:
        before = at
        try:
            for block in store.read(name, at):
                at += len(block)
                yield block
            if at < size:
                raise Transient(f"{name} could be read back to byte {at:,} only.", "It is tried again.")
        except Transient as exc:
            wait = FIRST_WAIT if at > before else wait * 2
            if wait > LONGEST_WAIT:
                raise
            ctx.tell("retry", ctx.answers.redact(exc.message), wait=wait)
            ctx.sleep(wait)


class _Beside:
    """The file here, read in step with the far side's blocks; with one that is not here, all is the same."""

    def __init__(self, file: Original) -> None:
        self._blocks = file.store.read(file.name) if file.here else None
        self._mine, self._at = b"", 0

    def same(self, block: bytes) -> int:
        """How many bytes at the start of *block* are those that come next here."""
        if self._blocks is None:
            return len(block)
        at = 0
        while at < len(block):
            if self._at == len(self._mine):
                self._mine, self._at = next(self._blocks, b""), 0
            count = min(len(block) - at, len(self._mine) - self._at)
            mine, theirs = self._mine[self._at : self._at + count], block[at : at + count]
            if mine != theirs or not count:
                return at + _mismatch(mine, theirs)
            at, self._at = at + count, self._at + count
        return at

    def close(self) -> None:
        close = getattr(self._blocks, "close", None)
        if close:
            close()


def _by_samples(file: Original, target: Store, name: str, ctx: Context) -> Proof:
    places = samples(file.size, MIB)
    ctx.begin(SAMPLING, sum(length for _, length in places))
    at = first_difference(file, target, name, places, ctx)
    text = f"The length is right, and {len(places)} samples were read back and compared."
    return Proof("sampled", text, None if at is None else f"at byte {at:,}", at)


def samples(size: int, ends: int, count: int = SAMPLES) -> list[tuple[int, int]]:
    """Where to look: *ends* bytes at both ends and *count* places that nobody can foretell, as (offset, length)."""
    if size <= 2 * ends + count * SAMPLE:
        return [(0, size)] if size else []
    chance = random.SystemRandom()
    inner = sorted(chance.randrange(ends, size - ends - SAMPLE) for _ in range(count))
    return [(0, ends), *((at, SAMPLE) for at in inner), (size - ends, ends)]


def first_difference(
    file: Original, target: Store, name: str, places: list[tuple[int, int]], ctx: Context
) -> int | None:
    """The offset of the first byte that differs in *places*, or None."""
    for offset, length in places:
        at = offset
        with closing(_steps(target.read(name, offset, length))) as theirs:
            for mine in _steps(file.store.read(file.name, offset, length)):
                other = next(theirs, b"")
                if mine != other:
                    return at + _mismatch(mine, other)
                at += len(mine)
                ctx.advance(len(mine))
    return None


def _steps(blocks: Iterator[bytes], size: int = 1 << 16) -> Generator[bytes, None, None]:
    """*blocks* cut anew into pieces of *size* bytes."""
    kept = bytearray()
    for block in blocks:
        kept += block
        while len(kept) >= size:
            yield bytes(kept[:size])
            del kept[:size]
    if kept:
        yield bytes(kept)


def _mismatch(a: bytes, b: bytes) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
