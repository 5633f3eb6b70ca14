"""Try out a place with files of our own: what may be done there, and how fast bytes get through."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from app.errors import Cancelled, JobError, NeedsAnswer, Transient
from app.stores import Abilities, HungUp, Store
from app.units import size

if TYPE_CHECKING:
    from app.context import Context

SMALL = 1 << 16  # bytes of the file that is tried out
PIECE = 1 << 16  # bytes a block of the timed upload
TIDYING = 10.0  # seconds for taking our files away after a cancel
LITTER = 4 << 20  # bytes sent to measure a place where what was sent cannot be deleted again
SHARE = 8  # the part of the free room there that measuring may take for a moment
Enough = Callable[[float, int, int], bool]


class HardStop(threading.Event):
    """A cancel that also comes by itself after *seconds*; *cancel* is the person's, and may be left out."""

    def __init__(self, cancel: threading.Event | None, seconds: float) -> None:
        super().__init__()
        self._person, self._end = cancel, time.monotonic() + seconds

    def is_set(self) -> bool:
        """Whether the person or the clock says stop."""
        person = self._person is not None and self._person.is_set()
        return person or super().is_set() or time.monotonic() > self._end

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the person, not beyond the clock."""
        left = max(0.0, self._end - time.monotonic())
        bounded = left if timeout is None else min(timeout, left)
        if self._person is None:
            super().wait(bounded)
        else:
            self._person.wait(bounded)
        return self.is_set()


class Trial:
    """The files of one trial; they are taken away when the block is left, however that happens.

    What a trial had to leave, because the line or this program ended, is taken away by the next one of the same step.
    """

    def __init__(self, store: Store, ctx: Context) -> None:
        self.store, self.ctx = store, ctx
        self.name = f"sandhopper-{secrets.token_hex(4)}.probe"
        self._data = os.urandom(SMALL)
        self._ours: set[str] = set()
        self._removes, self._sees = True, True

    def __enter__(self) -> Self:
        before = self.ctx.state.of(self.ctx.step).get("trial", "")
        if before and (left := [name for name in _names(before) if not self._gone(name)]):
            self.ctx.note(_left(left))
        self.ctx.fact(trial=self.name)
        return self

    def __exit__(self, *exc: object) -> None:
        stopped, self.ctx.cancel = self.ctx.cancel, HardStop(None, TIDYING)
        try:
            left = [name for name in sorted(self._ours) if not self._gone(name)]
            self.ctx.fact(trial="")
        except (Transient, NeedsAnswer, Cancelled):
            left = sorted(self._ours)
        finally:
            self.ctx.cancel = stopped
        if left:
            self.ctx.note(_left(left))

    def abilities(self) -> Abilities:
        """Try what may be done, one thing after the other, and tell the store."""
        if not self.store.abilities.whole:
            self.store.abilities = self._tried()
        return self.store.abilities

    def _tried(self) -> Abilities:
        half = SMALL // 2
        self._first(self._data[:half])
        size = self._sees = self.store.size(self.name) == half
        self.store.abilities = replace(self.store.abilities, resume=False)  # not known yet: a refusal is an answer
        resume = self._can(lambda: self.store.write(self.name, iter([self._data[half:]]), half, _ignore))
        if resume and size:
            resume = self.store.size(self.name) == SMALL
        read = self._can(self._read_all)
        resume = resume and (not read or self._read_all() == self._data)
        if not resume:
            self._can(lambda: self._put(self.name, self._data))
        digest = self.store.digest(self.name) == hashlib.sha256(self._data).hexdigest()
        rename = self._can(self._rename)
        self._removes = self._can(lambda: self.store.remove(self.name)) and self.store.size(self.name) is None
        if self._removes:
            self._ours.discard(self.name)
        return Abilities(rename=rename, resume=resume, read=read, remove=self._removes, size=size, digest=digest)

    def _first(self, data: bytes) -> None:
        try:
            self._insist(data)
        except (Transient, NeedsAnswer):
            raise
        except JobError as exc:
            if exc.topic != "permission":
                raise
            raise JobError(
                f"Nothing may be written into this folder: {self.store.url}",
                "Choose another folder, or ask the people who run it for the right to write there.",
                means=f"Nothing was sent. It said: {exc.message}",
                topic="permission",
            ) from exc

    def _insist(self, data: bytes) -> None:
        """Two tries find out that it is the server, not the line; the next one does as that server wants."""
        for _ in range(2):
            with contextlib.suppress(HungUp):
                return self._put(self.name, data)
        return self._put(self.name, data)

    def _rename(self) -> None:
        other = f"{self.name}.2"
        self._ours.add(other)
        self.store.rename(self.name, other)
        self._ours.discard(self.name)
        self.name = other

    def _read_all(self) -> bytes:
        return b"".join(self.store.read(self.name))

    def round_trip(self) -> float:
        """Seconds for one question and its answer: the middle one of three."""
        times = []
        for _ in range(3):
            began = time.monotonic()
            self.store.size(self.name)
            times.append(time.monotonic() - began)
        return statistics.median(times)

    def upload(self, enough: Enough, hard: float) -> list[tuple[float, int]]:
        """Upload random bytes until *enough*(seconds, acknowledged, sent); (seconds, bytes acknowledged) as they come.

        Ends by itself after *hard* seconds even when not a byte gets through.
        """
        marks, began, sent, most = [(0.0, 0)], time.monotonic(), 0, self._most()

        def acked(count: int) -> None:
            marks.append((time.monotonic() - began, marks[-1][1] + count))
            self.ctx.at(int(marks[-1][0]))

        def blocks() -> Iterator[bytes]:
            nonlocal sent
            while sent < most and not enough(time.monotonic() - began, marks[-1][1], sent):
                sent += PIECE
                yield os.urandom(PIECE)

        name = f"line-{self.name}"
        self._ours.add(name)
        person, self.ctx.cancel = self.ctx.cancel, HardStop(self.ctx.cancel, hard)
        try:
            self.store.write(name, blocks(), 0, acked)
        except Cancelled:
            if person.is_set():
                raise
        except JobError as exc:
            if exc.topic != "disk-full":
                raise
            raise _full(self.store.url, marks[-1][1]) from exc
        finally:
            self.ctx.cancel = person
        if not self._removes:
            self._can(lambda: self._put(name, b""))
        return marks

    def _most(self) -> int:
        """The bytes that may lie there for a moment without being in anybody's way."""
        free = self.store.free()
        room = sys.maxsize if free is None else max(free // SHARE, SMALL)
        return room if self._removes else min(room, LITTER)

    def _gone(self, name: str) -> bool:
        """Take a file of ours away; true as well when it never came to be."""
        return self._can(lambda: self.store.remove(name)) or (self._sees and self.store.size(name) is None)

    def _put(self, name: str, data: bytes) -> None:
        self._ours.add(name)
        self.store.write(name, iter([data]), 0, _ignore)

    def _can(self, act: Callable[[], object]) -> bool:
        try:
            act()
        except (Transient, NeedsAnswer):
            raise
        except JobError:
            return False
        return True


def _names(name: str) -> list[str]:
    """All names that the files of a trial called *name* may have had."""
    return [f"{front}{name}{end}" for front in ("", "line-") for end in ("", ".2")]


def _left(names: list[str]) -> str:
    return f"These trial files of ours may still lie at the other side: {', '.join(names)}. They may be deleted there."


def _full(url: str, stored: int) -> JobError:
    return JobError(
        f"The disk there is as good as full: there was no room for more than {size(stored)} of a trial file at {url}",
        "Make room there, or ask its people for it, or choose another place.",
        means="The trial file is deleted again. Nothing of yours was sent.",
        topic="disk-full",
    )


def _ignore(_: int) -> None: ...
