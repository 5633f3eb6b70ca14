"""How a stream is cut into the segments of a large object, and which of them an interrupted upload may keep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SMALLEST, LARGEST = 32 << 20, 4 << 30  # bytes; Swift takes 5 GiB at most
STEP = 100  # segments of one length, then twice as long: at most 1000 segments carry 1.6 TB


@dataclass(frozen=True)
class Segment:
    """One piece: its path (`/container/object`), its MD5, its bytes."""

    path: str
    etag: str
    size: int


def room(number: int) -> int:
    """How long the segment *number* may be."""
    return min(LARGEST, SMALLEST << min(number // STEP, 16))


def length(segments: list[Segment]) -> int:
    """Bytes in all segments."""
    return sum(s.size for s in segments)


def kept(segments: list[Segment], offset: int) -> tuple[list[Segment], int]:
    """The segments that lie wholly in the first *offset* bytes, and how many bytes of the next belong to them."""
    found: list[Segment] = []
    at = 0
    for one in segments:
        if at + one.size > offset:
            return found, offset - at
        found.append(one)
        at += one.size
    return found, 0


class Slices:
    """*blocks*, cut into slices. What *blocks* raises ends the slice early and is kept in `raised`."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._rest, self._blocks = b"", blocks
        self.over = False
        self.raised: BaseException | None = None

    def next_slice(self, number: int) -> Iterator[bytes]:
        """The blocks of segment *number*."""
        left = room(number)
        while left and (self._rest or self._fetch()):
            piece, self._rest = self._rest[:left], self._rest[left:]
            left -= len(piece)
            yield piece

    def _fetch(self) -> bool:
        try:
            while not self.over and not self._rest:
                self._rest = next(self._blocks)
        except StopIteration:
            self.over = True
        except BaseException as exc:  # noqa: BLE001 - passed on after what was sent has been kept
            self.over, self.raised = True, exc
        return bool(self._rest)
