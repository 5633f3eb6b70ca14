"""A line with a long way: a relay on 127.0.0.2 that hands every byte on after half of the round trip, at any rate.

It takes in whatever comes at once, so neither side's socket buffers are what limits a client; tests/faults.py has the
relay for narrow and broken lines.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import Self

HOST = "127.0.0.2"
PIECE = 1 << 18  # bytes


class Delay:
    """`with Delay(port, 0.08):` – in front of 127.0.0.1:*port*, *round_trip* in seconds."""

    def __init__(self, port: int, round_trip: float) -> None:
        self.port, self.way = port, round_trip / 2
        self._loop = asyncio.new_event_loop()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._listens.wait(10)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._end)
        self._thread.join(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._accepted, HOST, self.port, limit=1 << 22))
        self._listens.set()
        self._loop.run_forever()

    def _end(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.call_later(0.1, self._loop.stop)

    async def _accepted(self, near: asyncio.StreamReader, to_near: asyncio.StreamWriter) -> None:
        far, to_far = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 22)
        await asyncio.gather(self._one_way(near, to_far), self._one_way(far, to_near), return_exceptions=True)
        for writer in (to_near, to_far):
            writer.close()

    async def _one_way(self, source: asyncio.StreamReader, goal: asyncio.StreamWriter) -> None:
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        handing = asyncio.create_task(self._hand_on(late, goal))
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                late.put_nowait((self._loop.time() + self.way, piece))
        late.put_nowait((self._loop.time() + self.way, b""))
        await handing

    async def _hand_on(self, late: asyncio.Queue[tuple[float, bytes]], goal: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while True:
                due, piece = await late.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not piece:
                    goal.write_eof()
                    return
                goal.write(piece)
                await goal.drain()
