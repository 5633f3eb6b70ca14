"""Zeros that are not sent to an SFTP server: what is written beyond the end of a file has zeros before it."""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from app.context import Context
from app.errors import Transient
from app.stores import Store, open_store
from app.stores.sftp_wire import Wire
from tests.faults import Relay
from tests.servers import blocks_of
from tests.servers.sshd import Sshd

BLOCK = 255 << 10


@contextlib.contextmanager
def counted(server: Sshd, ctx: Context) -> Iterator[tuple[Store, Relay]]:
    with Relay(server.port) as relay:
        ctx.answers.give(f"host-key ssh://{relay.HOST}:{server.port}", server.fingerprint)
        with contextlib.closing(open_store(relay.url(server.url("sftp")), ctx)) as store:
            yield store, relay


HOLED = [
    pytest.param([b"", 5, b"end"], id="in the middle"),
    pytest.param([5, b"end"], id="at the beginning"),
    pytest.param([b"begin", 5], id="at the end"),
    pytest.param([3], id="nothing else"),
    pytest.param([b"a", 2, b"b", 9, b"c", 1, 1], id="many"),
]


@pytest.mark.parametrize("parts", HOLED)
@pytest.mark.parametrize("offset", [0, 700_001])
def test_zeros_are_not_sent(server: Sshd, ctx: Context, parts: list[bytes | int], offset: int) -> None:
    content = b"".join(bytes(p << 20) if isinstance(p, int) else p + os.urandom(1 << 20) for p in parts)
    told: list[int] = []
    with counted(server, ctx) as (store, relay):
        if offset:
            store.write("x", iter([content[:offset], os.urandom(1 << 20)]), 0, lambda _: None)  # more than is kept
        passed = relay.passed
        store.write("x", blocks_of(content[offset:], BLOCK), offset, told.append)
        passed = relay.passed - passed
    assert (server.folder / "x").read_bytes() == content
    assert sum(told) == len(content) - offset
    data = sum(len(p) + (1 << 20) for p in parts if isinstance(p, bytes))
    assert passed < data + (1 << 20)


@pytest.mark.parametrize("seed", range(8))
def test_a_cut_line_leaves_the_beginning_of_the_file(server: Sshd, ctx: Context, seed: int) -> None:
    chance = random.Random(seed)
    content = b"".join(
        bytes(chance.randrange(1, 4) << 20) if n % 2 else chance.randbytes(chance.randrange(1 << 20)) for n in range(12)
    )
    there = server.folder / "x"
    with counted(server, ctx) as (store, relay):
        store.open()
        for _ in range(3):
            relay.cut_after(chance.randrange(1 << 21))
            at = store.size("x") or 0
            with contextlib.suppress(Transient):
                store.write("x", blocks_of(content[at:], BLOCK), at, lambda _: None)
            if there.exists():
                assert content.startswith(there.read_bytes())
    with contextlib.closing(open_store(server.url("sftp"), server.known(ctx))) as store:
        at = store.size("x") or 0
        store.write("x", blocks_of(content[at:], BLOCK), at, lambda _: None)
    assert there.read_bytes() == content


def test_zeros_are_sent_where_no_file_system_is_behind(
    server: Sshd, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    ask_with = Wire.ask_with

    def seen(self: Wire, data: bytes, *words: Any) -> int:
        asked.append(len(data))
        return ask_with(self, data, *words)

    monkeypatch.setattr(Wire, "ask_with", seen)
    monkeypatch.setattr("app.stores.sftp_upload.FILE_SYSTEM", b"nobody offers this")
    with contextlib.closing(open_store(server.url("sftp"), server.known(ctx))) as store:
        store.write("x", iter([bytes(3 << 20)]), 0, lambda _: None)
    assert sum(asked) == 3 << 20
    assert (server.folder / "x").read_bytes() == bytes(3 << 20)
