"""What every store must do, on real servers. `tests/stores/conftest.py` says which."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator

import pytest

from app.context import Context
from app.errors import Cancelled, JobError
from app.stores import Store
from tests.servers import Place, blocks_of

Make = Callable[..., Context]
DATA = os.urandom(3_000_000)  # no multiple of any block
AWKWARD = ["two words.qcow2", "größe-日本.qcow2", 'it\'s "quoted" $(id) `id`;&|.qcow2', "-rf.qcow2", "a%20b#c?d.qcow2"]


@pytest.fixture
def store(place: Place, ctx: Context) -> Iterator[Store]:
    with contextlib.closing(place.make(ctx)) as made:
        yield made


def put(store: Store, name: str, data: bytes, offset: int = 0) -> int:
    """Write data[offset:] and return how many bytes were acknowledged."""
    acked: list[int] = []
    store.write(name, blocks_of(data[offset:]), offset, acked.append)
    return sum(acked)


def got(store: Store, name: str, offset: int = 0, length: int | None = None) -> bytes:
    return b"".join(store.read(name, offset, length))


def resumable(place: Place) -> None:
    if place.whole:
        pytest.skip("this place takes one stream only")


def test_what_was_written_is_there(store: Store) -> None:
    assert put(store, "a.img", DATA) == len(DATA)
    assert store.size("a.img") == len(DATA)
    assert got(store, "a.img") == DATA


def test_an_empty_file_is_a_file(store: Store, place: Place) -> None:
    resumable(place)
    assert put(store, "empty", b"") == 0
    assert store.size("empty") == 0
    assert got(store, "empty") == b""


def test_a_file_that_is_not_there_has_no_size(store: Store) -> None:
    assert store.size("nothing.img") is None


def test_a_file_that_is_not_there_cannot_be_read(store: Store) -> None:
    with pytest.raises(JobError):
        got(store, "nothing.img")


@pytest.mark.parametrize("offset", [0, 1, 32_675, 32_676, 262_144, len(DATA) - 1, len(DATA)])
def test_reading_may_begin_anywhere(store: Store, offset: int) -> None:
    put(store, "a.img", DATA)
    assert got(store, "a.img", offset) == DATA[offset:]


def test_reading_may_stop_early_and_another_call_follows(store: Store) -> None:
    put(store, "a.img", DATA)
    assert got(store, "a.img", 1000, 70_000) == DATA[1000:71_000]
    assert got(store, "a.img", len(DATA) - 10, 50) == DATA[-10:]
    blocks = store.read("a.img")
    assert DATA.startswith(next(iter(blocks)))
    del blocks
    assert store.size("a.img") == len(DATA)
    assert got(store, "a.img", 5, 5) == DATA[5:10]


@pytest.mark.parametrize("offset", [1, 32_676, 1_000_000, len(DATA)])
def test_writing_goes_on_at_an_offset(store: Store, place: Place, offset: int) -> None:
    resumable(place)
    put(store, "a.part", DATA[:offset])
    assert put(store, "a.part", DATA, offset) == len(DATA) - offset
    assert got(store, "a.part") == DATA


def test_what_lies_behind_the_offset_is_replaced(store: Store, place: Place) -> None:
    resumable(place)
    put(store, "a.part", DATA[:1_000_000] + b"\xff" * 1_500_000)
    assert put(store, "a.part", DATA[:1_200_000], 1_000_000) == 200_000
    assert store.size("a.part") == 1_200_000
    assert got(store, "a.part") == DATA[:1_200_000]


def test_writing_from_the_start_replaces_a_longer_file(store: Store, place: Place) -> None:
    resumable(place)
    put(store, "a.img", DATA)
    put(store, "a.img", b"short")
    assert got(store, "a.img") == b"short"


def test_blocks_may_have_any_size(store: Store) -> None:
    sizes, at, blocks = [1, 32_675, 32_676, 0, 65_536, 261_120, 261_121, 1_000_003], 0, []
    for size in sizes:
        blocks.append(DATA[at : at + size])
        at += size
    store.write("odd.img", iter(blocks), 0, lambda n: None)
    assert got(store, "odd.img") == DATA[:at]


def test_what_the_blocks_raise_is_passed_on_and_what_was_sent_is_kept(store: Store, place: Place) -> None:
    resumable(place)

    def torn() -> Iterator[bytes]:
        yield from blocks_of(DATA[:2_000_000])
        raise Cancelled

    with pytest.raises(Cancelled):
        store.write("a.part", torn(), 0, lambda n: None)
    kept = store.size("a.part") or 0
    assert 0 < kept <= 2_000_000
    assert got(store, "a.part") == DATA[:kept]
    put(store, "a.part", DATA, kept)
    assert got(store, "a.part") == DATA


def test_acknowledged_bytes_are_there_for_another_session(store: Store, place: Place, ctx: Context) -> None:
    resumable(place)
    put(store, "a.part", DATA[:1_000_000])
    with contextlib.closing(place.make(ctx)) as other:
        assert got(other, "a.part") == DATA[:1_000_000]


def test_a_finished_file_gets_its_name_and_replaces_the_old_one(store: Store, place: Place) -> None:
    resumable(place)
    put(store, "a.img", b"old")
    put(store, "a.part", DATA)
    store.rename("a.part", "a.img")
    assert store.size("a.part") is None
    assert got(store, "a.img") == DATA


def test_renaming_what_is_not_there_says_so_and_spoils_nothing(store: Store, place: Place) -> None:
    resumable(place)
    put(store, "a.img", b"precious")
    with pytest.raises(JobError):
        store.rename("nothing.part", "a.img")
    assert got(store, "a.img") == b"precious"


def test_removing_is_safe_to_repeat(store: Store) -> None:
    put(store, "a.img", DATA[:1000])
    store.remove("a.img")
    assert store.size("a.img") is None
    store.remove("a.img")


def test_the_digest_is_computed_there_or_said_to_be_impossible(store: Store, place: Place) -> None:
    put(store, "a.img", DATA)
    told = store.digest("a.img")
    assert (told is not None) == place.digests
    assert told in (None, hashlib.sha256(DATA).hexdigest())


@pytest.mark.parametrize("length", [0, 1, 1_000_003, len(DATA)])
def test_the_digest_of_a_beginning(store: Store, place: Place, length: int) -> None:
    put(store, "a.img", DATA)
    assert store.digest("a.img", length) in (None, hashlib.sha256(DATA[:length]).hexdigest())


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names(store: Store, place: Place, name: str) -> None:
    resumable(place)
    put(store, name, DATA[:100_000])
    assert store.size(name) == 100_000
    assert got(store, name) == DATA[:100_000]
    assert store.digest(name) in (None, hashlib.sha256(DATA[:100_000]).hexdigest())
    if place.folder:
        assert [file.name for file in place.folder.iterdir()] == [name]
    store.rename(name, "plain.img")
    store.rename("plain.img", name)
    store.remove(name)
    assert store.size(name) is None


def test_free_space_is_a_number_or_unknown(store: Store) -> None:
    free = store.free()
    assert free is None or free > 0


def test_opening_twice_and_closing_twice_is_fine(store: Store) -> None:
    store.open()
    store.open()
    store.close()
    store.close()
    assert store.size("nothing.img") is None


def test_a_job_that_was_cancelled_beforehand_writes_nothing_more(store: Store, ctx: Context, place: Place) -> None:
    resumable(place)

    def stopping() -> Iterator[bytes]:
        yield DATA[:1000]
        ctx.cancel.set()
        ctx.stop_if_cancelled()
        yield DATA[1000:]

    with pytest.raises(Cancelled):
        store.write("a.part", stopping(), 0, lambda n: None)
    ctx.cancel.clear()
    assert (store.size("a.part") or 0) <= 1000
