"""How blocks go out on an FTP data line: all of them in order, in whole TLS records where they are big."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from app.stores.ftp_outflow import RECORD, STEP, Outflow


class Line:
    """Takes *most* bytes at a time and acknowledges them at once."""

    def __init__(self, most: int) -> None:
        self.most, self.pieces = most, list[bytes]()
        self.ctx = SimpleNamespace(stop_if_cancelled=lambda: None, sleep=lambda seconds: None)

    def try_send(self, data: memoryview) -> int:
        self.pieces.append(bytes(data[: self.most]))
        return len(self.pieces[-1])

    def unacked(self) -> int:
        return 0


def poured(blocks: list[bytes], most: int = 1 << 30) -> tuple[Outflow, list[bytes]]:
    line = Line(most)
    flow = Outflow(cast("Any", line), lambda count: None)
    for block in blocks:
        flow.send(block)
    flow.flush()
    return flow, line.pieces


@given(st.lists(st.integers(0, 3 * STEP), max_size=8), st.integers(1000, 1 << 17))
def test_every_byte_goes_out_once_and_in_order(sizes: list[int], most: int) -> None:
    data = os.urandom(3 * STEP)
    blocks = [data[:size] for size in sizes]
    flow, pieces = poured(blocks, most)
    assert b"".join(pieces) == b"".join(blocks)
    assert flow.sent == sum(sizes)


def test_big_blocks_leave_in_whole_records_whatever_their_size() -> None:
    _, pieces = poured([bytes(255 << 10)] * 9)
    assert {len(piece) % RECORD for piece in pieces[:-1]} == {0}


def test_small_blocks_wait_for_nobody() -> None:
    line = Line(1 << 30)
    flow = Outflow(cast("Any", line), lambda count: None)
    for sent in range(1, 5):
        flow.send(bytes(1024))
        assert flow.sent == sent * 1024
