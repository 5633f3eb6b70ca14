"""Swift's large objects: what an interruption keeps, and that nothing is left lying about."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.context import Context
from app.errors import JobError, Transient
from app.practice.cloud import Cloud
from app.practice.http import Refused, Request
from app.stores import segments
from app.stores.segments import Segment, kept, room
from app.stores.swift import Swift
from tests.practice.cloud_places import known, lay_cloud
from tests.servers import blocks_of

DATA = os.urandom(5_500_000)
NAME = "machine.qcow2.part"


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setattr(segments, "SMALLEST", 1 << 20)
    with ExitStack() as stack:
        yield lay_cloud(tmp_path, stack)


@pytest.fixture
def ctx(context: Callable[..., Context]) -> Context:
    return known(context())


@pytest.fixture
def store(cloud: Cloud, ctx: Context) -> Swift:
    return Swift("swift://practice/box/some folder/", ctx)


def put(store: Swift, data: bytes = DATA, offset: int = 0) -> int:
    acked: list[int] = []
    store.write(NAME, blocks_of(data[offset:]), offset, acked.append)
    return sum(acked)


def got(store: Swift, offset: int = 0) -> bytes:
    return b"".join(store.read(NAME, offset))


def stored(cloud: Cloud) -> int:
    """How many files the object store keeps."""
    return len([f for f in cloud.objects.home.rglob("*") if f.is_file()])


def fail_at(number: int, failure: Exception) -> Callable[[Request], bool]:
    seen = iter(range(1000))

    def meddle(request: Request) -> bool:
        if request.command == "PUT" and "_segments/" in request.where and next(seen) == number:
            next(request.blocks())
            raise failure
        return False

    return meddle


def test_a_file_is_called_bytes_and_not_what_its_manifest_is(store: Swift, cloud: Cloud) -> None:
    kinds = []
    put(store)
    answer = store.cloud.call("swift", "HEAD", store._path(NAME))
    kinds.append(answer.headers["Content-Type"])
    store.rename(NAME, "machine.qcow2")
    kinds.append(store.cloud.call("swift", "HEAD", store._path("machine.qcow2")).headers["Content-Type"])
    assert kinds == ["application/octet-stream"] * 2


def test_a_file_is_several_segments_and_one_object(store: Swift, cloud: Cloud) -> None:
    assert put(store) == len(DATA)
    assert got(store) == DATA
    assert got(store, 3_000_000) == DATA[3_000_000:]
    assert stored(cloud) == 6 * 2 + 1


@pytest.mark.parametrize("failure", [ConnectionError(), Refused(503, "busy"), Refused(401, "expired")])
def test_after_a_cut_whole_segments_are_kept(store: Swift, cloud: Cloud, ctx: Context, failure: Exception) -> None:
    cloud.server.meddle = fail_at(3, failure)
    with pytest.raises(JobError):
        put(store)
    cloud.server.meddle = lambda request: False
    again = Swift(store.url, ctx)
    there = again.size(NAME)
    assert there == 3 << 20
    assert put(again, DATA, there) == len(DATA) - there
    assert got(again) == DATA


def test_a_damaged_segment_is_noticed_at_once(store: Swift, cloud: Cloud) -> None:
    def meddle(request: Request) -> bool:
        if request.command == "PUT" and "_segments/" in request.where:
            sum(map(len, request.blocks()))
            request.say(None, 201, Etag="0" * 32)
            return True
        return False

    cloud.server.meddle = meddle
    with pytest.raises(Transient, match="damaged"):
        put(store)
    assert store.size(NAME) is None


def test_replacing_renaming_and_removing_leave_no_segments(store: Swift, cloud: Cloud) -> None:
    put(store)
    put(store, DATA[:2_000_000])
    assert stored(cloud) == 2 * 2 + 1
    put(store, DATA, 1_500_000)
    assert got(store) == DATA
    store.rename(NAME, "machine.qcow2")
    put(store, DATA[::-1])
    store.rename(NAME, "machine.qcow2")
    assert store.size(NAME) is None
    assert b"".join(store.read("machine.qcow2")) == DATA[::-1]
    assert stored(cloud) == 6 * 2 + 1
    store.remove("machine.qcow2")
    assert stored(cloud) == 0


def test_going_on_behind_the_end_is_refused(store: Swift) -> None:
    put(store, DATA[:1000])
    with pytest.raises(JobError, match="fewer than"):
        store.write(NAME, blocks_of(b"x"), 5000, lambda count: None)


def test_segments_grow_so_that_a_terabyte_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert sum(room(n) for n in range(1000)) > 1 << 40
    assert max(room(n) for n in range(1000)) <= 5_368_709_122


@pytest.mark.parametrize(("offset", "whole", "rest"), [(0, 0, 0), (9, 0, 9), (10, 1, 0), (15, 1, 5), (30, 2, 0)])
def test_which_segments_may_stay(offset: int, whole: int, rest: int) -> None:
    all_of_them = [Segment("/a/1", "x", 10), Segment("/a/2", "y", 20)]
    assert kept(all_of_them, offset) == (all_of_them[:whole], rest)
