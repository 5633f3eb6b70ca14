"""A hash that is computed beside the sending or fetching: the interpreter lets go of its lock while it hashes."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import _Hash

AHEAD = 16  # blocks that may wait to be hashed


class Hashing:
    """Goes on with *hash_* in a thread of its own; `close` must be called, and then *hash_* is of everything."""

    def __init__(self, hash_: _Hash) -> None:
        self._hash = hash_
        self._blocks: queue.Queue[bytes | None] = queue.Queue(AHEAD)
        self._thread = threading.Thread(target=self._run, daemon=True, name="hashing")
        self._thread.start()

    def update(self, block: bytes) -> None:
        """Add *block*; waits while `AHEAD` of them are not hashed yet."""
        self._blocks.put(block)

    def hexdigest(self) -> str:
        """The digest (hex) of everything."""
        self.close()
        return self._hash.hexdigest()

    def close(self) -> None:
        """Let the thread end, and wait for it."""
        if self._thread.is_alive():
            self._blocks.put(None)
            self._thread.join()

    def _run(self) -> None:
        while (block := self._blocks.get()) is not None:
            self._hash.update(block)
