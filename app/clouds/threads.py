"""Requests that a cancel can leave at once: they run beside us, and we look at the cancel button while we wait."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from app.context import Context

LOOK = 0.1  # seconds between two looks at the cancel button
AHEAD = 8  # blocks that may wait in between
T = TypeVar("T")


class Dropped(Exception):
    """The other side of the queue has gone; ends the request, is never shown."""


class Beside(Generic[T]):
    """*act* running in a thread of its own. Its result or exception is fetched by `wait`."""

    def __init__(self, act: Callable[[], T]) -> None:
        self._act = act
        self._result: list[T] = []
        self._raised: BaseException | None = None
        self._over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            self._result.append(self._act())
        except BaseException as exc:  # noqa: BLE001 - handed over to the waiting thread, whatever it is
            self._raised = exc
        finally:
            self._over.set()

    @property
    def over(self) -> bool:
        """Whether it has ended, well or not."""
        return self._over.is_set()

    def wait(self, ctx: Context | None) -> T:
        """Its result; raises what it raised, or `Cancelled` (never when *ctx* is None)."""
        while not self._over.wait(LOOK):
            if ctx:
                ctx.stop_if_cancelled()
        if self._raised:
            raise self._raised
        return self._result[0]


class Feed:
    """A request's body that is handed over block by block, once. It cannot be sent a second time by mistake."""

    def __init__(self) -> None:
        self._blocks: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._begun = False
        self._dropped = threading.Event()

    def give(self, block: bytes | None, sender: Beside[T], ctx: Context) -> bool:
        """Hand over one block (None: that was all); False when the sender has ended and wants no more."""
        while not sender.over:
            ctx.stop_if_cancelled()
            try:
                self._blocks.put(block, timeout=LOOK)
            except queue.Full:
                continue
            return True
        return False

    def drop(self) -> None:
        """Break the request off."""
        self._dropped.set()

    def __iter__(self) -> Iterator[bytes]:
        if self._begun:
            raise Dropped("a body that was sent in part is never sent again")
        self._begun = True
        while (block := self._next()) is not None:
            if block:  # an empty chunk would end a chunked body (RFC 9112 §7.1)
                yield block

    def _next(self) -> bytes | None:
        while True:
            if self._dropped.is_set():
                raise Dropped
            try:
                return self._blocks.get(timeout=LOOK)
            except queue.Empty:
                continue


class SizedFeed(Feed):
    """A `Feed` whose length is known beforehand and sent along."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def __len__(self) -> int:
        return self._size


def pumped(blocks: Iterator[bytes], ctx: Context, hang_up: Callable[[], None]) -> Generator[bytes, None, None]:
    """*blocks*, read beside us; *hang_up* ends the connection when nobody wants more of them."""
    waiting: queue.Queue[bytes | None] = queue.Queue(AHEAD)
    gone = threading.Event()
    pump = Beside(lambda: _fill(waiting, blocks, gone))
    try:
        while True:
            ctx.stop_if_cancelled()
            try:
                block = waiting.get(timeout=LOOK)
            except queue.Empty:
                continue
            if block is None:
                pump.wait(ctx)
                return
            yield block
    finally:
        gone.set()
        hang_up()


def _fill(waiting: queue.Queue[bytes | None], blocks: Iterator[bytes], gone: threading.Event) -> None:
    try:
        for block in blocks:
            _put(waiting, block, gone)
    finally:
        _put(waiting, None, gone)


def _put(waiting: queue.Queue[bytes | None], block: bytes | None, gone: threading.Event) -> None:
    while not gone.is_set():
        try:
            waiting.put(block, timeout=LOOK)
        except queue.Full:
            continue
        return
    if block is not None:
        raise Dropped
