"""What may lie there when an upload goes on or ends: wrong bytes, holes, another file, nothing. None is believed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.context import Context, Event
from app.errors import JobError, Transient
from app.stores import Store
from app.transfer import copy, part_name, proof
from app.transfer.proof import Proof
from tests.servers.behind import ALL, OVER_SSH, Behind

DATA = os.urandom(6_000_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "image.qcow2"
PART = part_name(NAME, SHA)
PROVEN = ("sha256-server", "read-back")


@pytest.fixture(params=ALL)
def site(request: pytest.FixtureRequest, tmp_path: Path, ctx: Context, stack: ExitStack) -> Behind:
    return Behind(request.param, tmp_path, ctx, stack)


@pytest.fixture(autouse=True)
def thin_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of six megabytes as little is looked at as of sixty gigabytes."""
    monkeypatch.setattr("app.transfer.proof.SAMPLE", 512)
    monkeypatch.setattr("app.transfer.resume.TAIL", 4096)


def send(here: Store, there: Store, ctx: Context, **how: Any) -> Any:
    return copy(here, NAME, there, NAME, ctx, sha256=SHA, **how)


def lay(site: Behind, data: bytes, name: str = PART) -> None:
    file = site.folder / name
    file.write_bytes(data)
    file.chmod(0o666)  # Pure-FTPd lets nobody in as root


def spoilt(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def failure(act: Callable[[], Any]) -> JobError:
    """What *act* fails with at last; a line that was cut is tried again, as the engine does."""
    for _ in range(4):
        with pytest.raises(JobError) as told:
            act()
        if not isinstance(told.value, Transient):
            return told.value
    raise AssertionError("no end")


def notes(events: list[Event]) -> str:
    return " ".join(event.text for event in events if event.kind == "note")


@pytest.mark.parametrize("length", [4_000_000, len(DATA)])
def test_one_wrong_byte_anywhere_is_found_and_sent_again(
    site: Behind, ctx: Context, here: Store, events: list[Event], length: int
) -> None:
    wrong = random.randrange(length)
    lay(site, spoilt(DATA[:length], wrong))
    done = send(here, site.store(), ctx)
    assert done.grade in PROVEN
    assert done.resumed_at <= wrong
    assert f"at byte {wrong:,}" in notes(events)
    assert (site.folder / NAME).read_bytes() == DATA


def test_holes_are_found_and_filled(site: Behind, ctx: Context, here: Store) -> None:
    begun = bytearray(DATA[:5_000_000])
    for at in (1_000_000, 3_000_000, 4_500_000):
        begun[at : at + 32_768] = bytes(32_768)
    lay(site, bytes(begun))
    done = send(here, site.store(), ctx)
    assert done.grade in PROVEN
    assert done.resumed_at <= 1_000_128  # random bytes may be zero
    assert (site.folder / NAME).read_bytes() == DATA


def test_another_file_of_the_same_length_is_none_of_it(site: Behind, ctx: Context, here: Store) -> None:
    lay(site, os.urandom(len(DATA)))
    done = send(here, site.store(), ctx)
    assert done.resumed_at < 8  # the first bytes may be the same
    assert (site.folder / NAME).read_bytes() == DATA


def while_sending(ctx: Context, at: int, act: Any) -> None:
    """Do *act* once, when *at* bytes have got through."""
    report, over = ctx.report, []

    def watched(event: Event) -> None:
        report(event)
        if event.kind == "tick" and event.text == "Sending the image" and event.done >= at and not over:
            over.append(event)
            act()

    ctx.report = watched


def turn(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


@pytest.fixture
def after_sending(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Do something each time when all is stored and the proof begins."""

    def each_time(act: Callable[[], None]) -> None:
        def prove(*given: Any) -> Proof:
            act()
            return proof.prove(*given)

        monkeypatch.setattr("app.transfer.end.prove", prove)

    return each_time


def test_a_byte_that_turns_before_the_end_is_found(
    site: Behind, ctx: Context, here: Store, events: list[Event], after_sending: Any
) -> None:
    turned = iter([lambda: turn(site.folder / PART, 2_345_678)])
    after_sending(lambda: next(turned, lambda: None)())
    done = send(here, site.store(), ctx)
    assert "at byte 2,345,678" in notes(events)
    assert (done.grade in PROVEN, done.resumed_at) == (True, 0)
    assert (site.folder / NAME).read_bytes() == DATA


def test_a_disk_that_spoils_again_and_again_is_told(
    site: Behind, ctx: Context, here: Store, after_sending: Any
) -> None:
    lay(site, DATA[:1_000_000])
    after_sending(lambda: turn(site.folder / PART, 4_000_000 + random.randrange(1000)))
    told = failure(lambda: send(here, site.store(), ctx))
    assert "differs from the image" in told.message
    assert told.remedy
    assert not isinstance(told, Transient)
    assert not (site.folder / NAME).exists()
    assert not (site.folder / PART).exists()


def test_a_server_that_confirmed_and_lost_it_all_the_same(site: Behind, ctx: Context, here: Store) -> None:
    """As after a power cut: the length is there, some blocks never reached the disk."""

    def power_cut() -> None:
        site.relay.cut()
        lost = site.folder / PART
        length = lost.stat().st_size
        with lost.open("r+b") as file:
            file.seek(length // 2)
            file.write(bytes(16_384))

    while_sending(ctx, 2_500_000, power_cut)
    with contextlib.suppress(Transient):
        send(here, site.store(), ctx)
    done = send(here, site.store(), ctx)
    assert done.grade in PROVEN
    assert (site.folder / NAME).read_bytes() == DATA


def test_a_name_that_somebody_else_took_meanwhile_stays_theirs(site: Behind, ctx: Context, here: Store) -> None:
    while_sending(ctx, 3_000_000, lambda: lay(site, b"precious", NAME))
    for _ in range(2):
        with pytest.raises(JobError, match="Somebody has put another file") as told:
            send(here, site.store(), ctx, fresh=True)
        assert told.value.topic == "replace"
    assert (site.folder / NAME).read_bytes() == b"precious"
    assert (site.folder / PART).read_bytes() == DATA
    (site.folder / NAME).rename(site.folder / "theirs")
    assert send(here, site.store(), ctx, fresh=True).sent == 0
    assert (site.folder / NAME).read_bytes() == DATA


def test_a_folder_that_goes_after_the_last_byte_is_no_success(site: Behind, ctx: Context, here: Store) -> None:
    inner = site.folder / "inner"
    inner.mkdir()
    inner.chmod(0o777)
    while_sending(ctx, len(DATA), lambda: shutil.rmtree(inner))
    told = failure(lambda: send(here, site.store("inner/"), ctx))
    assert "again" in told.remedy or "look for the image" in told.remedy
    assert told.topic in ("one-time", "no-folder")


@pytest.mark.parametrize("make", ["openssh-no-shell", "vsftpd", "pureftpd"])
def test_reading_back_goes_on_where_the_line_was_cut(
    tmp_path: Path, ctx: Context, here: Store, stack: ExitStack, make: str, events: list[Event]
) -> None:
    site = Behind(make, tmp_path, ctx, stack, faults={"both": True})
    lay(site, DATA, NAME)
    store, read = site.store(), []
    real = type(store).read

    def counted(self: Any, name: str, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        read.append(offset)
        return real(self, name, offset, length)

    type(store).read = counted  # type: ignore[method-assign, assignment]
    stack.callback(setattr, type(store), "read", real)
    store.open()
    site.relay.cut_after(3_000_000)
    assert send(here, store, ctx).sent == 0
    assert len(read) == 2
    assert read[1] > 1_000_000
    assert [event for event in events if event.kind == "retry"]


def test_samples_are_a_grade_of_their_own(site: Behind, ctx: Context, here: Store) -> None:
    assert send(here, site.store(), ctx, verify="sampled").grade in ("sampled", "sha256-server")
    assert site.make in OVER_SSH or not (site.folder / PART).exists()
