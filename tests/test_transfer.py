"""Copies between stores: resume, proof, and what happens when the other side lies."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pyftpdlib.filesystems import AbstractedFS

from app.context import Context, Event
from app.errors import Cancelled, JobError, Transient
from app.stores import Abilities, Store, open_store
from app.throttle import Throttle
from app.transfer import Wishes, copy, part_name, proof, sidecar
from tests.faults import Relay
from tests.ports import free_range
from tests.servers.oddftpd import OddFtpd
from tests.servers.proftpd import Proftpd
from tests.servers.pyftpd import ALL, Handler, Pyftpd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd

Make = Callable[..., Context]
DATA = os.urandom(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()
NAME = "image.qcow2"
PART = part_name(NAME, SHA)


@pytest.fixture
def ctx(context: Make) -> Context:
    return context()


@pytest.fixture
def here(tmp_path: Path, ctx: Context) -> Store:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / NAME).write_bytes(DATA)
    return open_store((tmp_path / "here").as_uri() + "/", ctx)


@pytest.fixture
def there(tmp_path: Path, ctx: Context) -> Store:
    (tmp_path / "there").mkdir()
    return open_store((tmp_path / "there").as_uri() + "/", ctx)


def at(server: Any, ctx: Context, stack: ExitStack, tmp_path: Path, **can: bool) -> Store:
    """The store of *server*, which is started."""
    stack.enter_context(server)
    trusted(tmp_path, stack)
    if hasattr(server, "known"):
        server.known(ctx)
    store = stack.enter_context(closing(open_store(server.url, ctx)))
    store.abilities = replace(store.abilities, **can)
    return store


def notes(events: list[Event]) -> str:
    return " ".join(event.text for event in events if event.kind == "note")


def limited(rate: int) -> Wishes:
    return Wishes(lambda: Throttle(rate))


def send(here: Store, there: Store, ctx: Context, **how: Any) -> Any:
    return copy(here, NAME, there, NAME, ctx, sha256=SHA, **how)


@pytest.mark.parametrize("cuts", [(500_000,), (1, 1_200_000, 1_700_000), (1_200_000, 700_000, 1)])
def test_a_cut_line_ends_in_the_same_bytes(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, cuts: tuple[int, ...]
) -> None:
    ports = free_range(8)
    server = Vsftpd(tmp_path, f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}")
    stack.enter_context(server)
    trusted(tmp_path, stack)
    relay = stack.enter_context(Relay(server.port, ports))
    store = stack.enter_context(closing(open_store(relay.url(server.url), ctx)))
    again = 0
    for cut in cuts:
        relay.cut_after(cut)
        try:
            send(here, store, ctx)
        except Transient:
            again += 1
    done = send(here, store, ctx)
    assert again >= len(cuts) - 1
    assert 0 < done.resumed_at == len(DATA) - done.sent
    assert done.grade == "read-back"
    assert (server.folder / NAME).read_bytes() == DATA
    assert [file.name for file in server.folder.iterdir()] == [NAME]


@pytest.mark.parametrize("make", [Vsftpd, Proftpd, Pyftpd])
@pytest.mark.parametrize("wrong", [1_999_990, 1_000_000, 5])
def test_a_wrong_byte_in_the_part_is_never_built_upon(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: Any, wrong: int, events: list[Event]
) -> None:
    server = make(tmp_path)
    store = at(server, ctx, stack, tmp_path, digest=make is Proftpd)
    begun = bytearray(DATA[:2_000_000])
    begun[wrong] ^= 1
    (server.folder / PART).write_bytes(begun)
    done = send(here, store, ctx)
    assert f"from the image at byte {wrong:,}" in notes(events)
    assert done.resumed_at == wrong
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_right_part_is_gone_on_with(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store) -> None:
    server = Proftpd(tmp_path)
    store = at(server, ctx, stack, tmp_path, digest=True)
    (server.folder / PART).write_bytes(DATA[:2_000_000])
    done = send(here, store, ctx)
    assert (done.resumed_at, done.sent, done.grade) == (2_000_000, 1_000_000, "sha256-server")


def test_a_file_that_nobody_hashed_is_hashed_while_it_is_sent(
    here: Store, there: Store, ctx: Context, tmp_path: Path, events: list[Event]
) -> None:
    ctx.report = lambda event: events.append(event) or check_part(event)

    def check_part(event: Event) -> None:
        if event.kind == "tick" and 0 < event.done < len(DATA) and event.text == "Sending the image":
            assert [file.name for file in (tmp_path / "there").iterdir()] == [part_name(NAME, "4711")]

    done = copy(here, NAME, there, NAME, ctx, mark="4711")
    assert (done.sha256, done.grade) == (SHA, "sha256-server")
    assert not [event for event in events if event.text == proof.READING]  # no second look at the file here
    assert (tmp_path / "there" / NAME).read_bytes() == DATA


@pytest.mark.parametrize("lies_there", ["part", "whole"])
def test_what_was_never_hashed_and_is_there_already_has_its_hash_told(
    here: Store, there: Store, ctx: Context, tmp_path: Path, lies_there: str
) -> None:
    (tmp_path / "there" / (part_name(NAME, "4711") if lies_there == "part" else NAME)).write_bytes(DATA)
    done = copy(here, NAME, there, NAME, ctx, mark="4711")
    assert (done.sha256, done.sent) == (SHA, 0)
    assert (tmp_path / "there" / NAME).read_bytes() == DATA


def test_a_resume_without_a_known_hash_tells_the_hash_of_all(
    here: Store, there: Store, ctx: Context, tmp_path: Path
) -> None:
    (tmp_path / "there" / part_name(NAME, "4711")).write_bytes(DATA[:1_000_000])
    done = copy(here, NAME, there, NAME, ctx, mark="4711")
    assert (done.sha256, done.resumed_at) == (SHA, 1_000_000)


def test_no_thread_stays_when_an_upload_is_stopped(here: Store, there: Store, ctx: Context) -> None:
    ctx.report = lambda event: ctx.cancel.set() if event.kind == "tick" else None
    with pytest.raises(Cancelled):
        send(here, there, ctx)
    assert "hashing" not in [thread.name for thread in threading.enumerate()]


def test_the_part_of_another_image_is_left_alone(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    other = tmp_path / "there" / part_name(NAME, "0" * 64)
    other.write_bytes(b"x" * 1000)
    assert send(here, there, ctx).resumed_at == 0
    assert other.read_bytes() == b"x" * 1000


def test_a_part_longer_than_the_image_is_begun_again(
    here: Store, there: Store, ctx: Context, tmp_path: Path, events: list[Event]
) -> None:
    (tmp_path / "there" / PART).write_bytes(DATA + b"more")
    assert send(here, there, ctx).resumed_at == 0
    assert "more than the image has" in notes(events)
    assert (tmp_path / "there" / NAME).read_bytes() == DATA


def test_what_is_there_already_is_proven_and_not_sent(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    send(here, there, ctx)
    done = send(here, there, ctx)
    assert (done.sent, done.grade) == (0, "sha256-server")
    wrong = bytearray(DATA)
    wrong[77] ^= 1
    (tmp_path / "there" / NAME).write_bytes(wrong)  # the same length is no proof
    assert send(here, there, ctx).sent == len(DATA)
    assert (tmp_path / "there" / NAME).read_bytes() == DATA


class Forgetting(AbstractedFS):
    """A disk that keeps 1 MB of each file and says nothing."""

    def open(self, filename: str, mode: str) -> Any:
        file = super().open(filename, mode)
        if "w" not in mode and "a" not in mode and "+" not in mode:
            return file
        write = file.write
        proxy = _Proxy(file)
        proxy.write = lambda data: write(data) if file.tell() + len(data) <= 1_000_000 else len(data)
        return proxy


class Spoiling(AbstractedFS):
    """A disk that turns one byte of each block."""

    def open(self, filename: str, mode: str) -> Any:
        file = super().open(filename, mode)
        if "w" not in mode:
            return file
        write = file.write
        proxy = _Proxy(file)
        proxy.write = lambda data: write(bytes([data[0] ^ 1]) + data[1:])
        return proxy


class _Proxy:
    def __init__(self, file: Any) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def test_226_with_a_short_file_is_not_done(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store) -> None:
    server = Pyftpd(tmp_path, abstracted_fs=Forgetting)
    store = at(server, ctx, stack, tmp_path)
    with pytest.raises(Transient, match="holds only"):
        send(here, store, ctx)
    assert not (server.folder / NAME).exists()


def test_what_arrived_wrong_is_deleted_and_told(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store) -> None:
    server = Pyftpd(tmp_path, abstracted_fs=Spoiling)
    store = at(server, ctx, stack, tmp_path)
    with pytest.raises(JobError, match="differs from the image") as told:
        send(here, store, ctx)
    assert not isinstance(told.value, Transient)
    assert list(server.folder.iterdir()) == []


class OneTime(Handler):
    """The folder is emptied as soon as an image has arrived."""

    def on_file_received(self, file: str) -> None:
        if file.endswith(".qcow2"):
            shutil.rmtree(Path(file).parent)


def test_a_one_time_folder_that_vanishes_has_accepted(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    server = Pyftpd(tmp_path, handler=OneTime)
    (server.folder / "once").mkdir()
    stack.enter_context(server)
    trusted(tmp_path, stack)
    server.known(ctx)
    store = stack.enter_context(closing(open_store(f"{server.url}once/", ctx)))
    store.abilities = Abilities(rename=False, resume=True, read=False, remove=False)
    done = send(here, store, ctx)
    assert done.grade == "accepted"
    assert "moved it away" in done.proof
    assert not (server.folder / "once").exists()
    with pytest.raises(JobError) as gone:
        open_again(f"{server.url}once/", ctx, stack).open()
    assert gone.value.topic == "no-folder"


def open_again(url: str, ctx: Context, stack: ExitStack) -> Store:
    return stack.enter_context(closing(open_store(url, ctx)))


def test_without_rename_the_final_name_is_written_and_resumed(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    server = Pyftpd(tmp_path, allowed=ALL.replace("f", ""))
    store = at(server, ctx, stack, tmp_path, rename=False)
    (server.folder / NAME).write_bytes(DATA[:1_500_000])
    done = send(here, store, ctx)
    assert done.resumed_at == 1_500_000
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_rename_that_is_refused_after_all_keeps_the_proven_part(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    server = Pyftpd(tmp_path, allowed=ALL.replace("f", ""))
    store = at(server, ctx, stack, tmp_path)
    with pytest.raises(JobError, match="may not get its name"):
        send(here, store, ctx)
    assert (server.folder / PART).read_bytes() == DATA


def test_where_nobody_may_read_the_end_is_written_again(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transfer.resume.REWIND", 500_000)
    server = Pyftpd(tmp_path, allowed=ALL.replace("r", ""))
    store = at(server, ctx, stack, tmp_path, read=False)
    spoilt = bytearray(DATA[:2_000_000])
    spoilt[1_700_000] ^= 1  # what a cut line may have left in flight
    (server.folder / PART).write_bytes(spoilt)
    done = send(here, store, ctx)
    assert (done.resumed_at, done.grade) == (1_500_000, "size")
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_place_that_only_appends_and_shows_nothing_begins_again(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.transfer.resume.REWIND", 500_000)
    server = Pyftpd(tmp_path, allowed=ALL.replace("r", ""), forbidden=("REST",))
    store = at(server, ctx, stack, tmp_path, read=False)
    (server.folder / PART).write_bytes(DATA[:2_000_000])
    done = send(here, store, ctx)
    assert done.resumed_at == 0
    assert "begins again" in notes(events)
    assert (server.folder / NAME).read_bytes() == DATA


def test_one_stream_only(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    there.abilities = Abilities(rename=False, resume=False, whole=True)
    (tmp_path / "there" / NAME).write_bytes(DATA[:1000])
    assert send(here, there, ctx).resumed_at == 0
    assert (tmp_path / "there" / NAME).read_bytes() == DATA


def test_a_source_that_changes_meanwhile_is_no_image(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "here" / NAME).write_bytes(DATA[:-1] + b"?")
    with pytest.raises(JobError, match="changed"):
        send(here, there, ctx)
    assert list((tmp_path / "there").iterdir()) == []


def test_a_source_that_shrinks_is_no_image(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    def report(event: Event) -> None:
        if event.kind == "phase" and event.text == "Sending the image":
            os.truncate(tmp_path / "here" / NAME, 1_000_000)

    ctx.report = report
    with pytest.raises(JobError, match="length"):
        send(here, there, ctx)
    assert not (tmp_path / "there" / NAME).exists()


def test_a_change_after_a_resume_is_noticed_too(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "there" / PART).write_bytes(DATA[:1_000_000])
    (tmp_path / "here" / NAME).write_bytes(DATA[:2_000_000] + bytes(1_000_000))
    with pytest.raises(JobError, match="changed"):
        send(here, there, ctx, verify="size")


def test_what_is_told_while_the_rest_is_sent_is_the_sending(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, events: list[Event]
) -> None:
    server = Vsftpd(tmp_path)  # without a hash there, the beginning is read here only when the sending begins
    store = at(server, ctx, stack, tmp_path)
    (server.folder / PART).write_bytes(DATA[:1_000_000])
    send(here, store, ctx, verify="sampled")
    phases = [(event.text, event.done, event.total) for event in events if event.kind == "phase"]
    reading = next(n for n, phase in enumerate(phases) if phase[0] == proof.READING)
    assert phases[reading + 1] == ("Sending the image", 1_000_000, len(DATA))


def test_what_is_read_back_is_not_hashed_before(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, events: list[Event]
) -> None:
    server = Vsftpd(tmp_path)
    store = at(server, ctx, stack, tmp_path)
    (server.folder / PART).write_bytes(DATA[:1_000_000])
    done = copy(here, NAME, store, NAME, ctx, mark=SHA)
    assert (done.grade, done.sha256, done.resumed_at) == ("read-back", SHA, 1_000_000)
    assert proof.READING not in {event.text for event in events if event.kind == "phase"}


@pytest.mark.parametrize("readable", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_change_is_found_where_hashing_waits_for_the_reading_back(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, at_once: bool, readable: bool
) -> None:
    server = Vsftpd(tmp_path)
    store = at(server, ctx, stack, tmp_path)

    def change() -> None:
        (tmp_path / "here" / NAME).write_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))

    def report(event: Event) -> None:
        if event.kind == "phase" and event.text == proof.READING_BACK:
            change()
            if not readable:
                (server.folder / PART).chmod(0)

    ctx.report = report
    if at_once:
        change()
    with pytest.raises(JobError, match="changed"):
        send(here, store, ctx)
    assert list(server.folder.iterdir()) == []


def test_the_limit_is_kept_and_cancel_is_quick(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    began = time.monotonic()
    send(here, there, ctx, wishes=limited(2_500_000))
    assert time.monotonic() - began > 0.9
    (tmp_path / "there" / NAME).unlink()

    def report(event: Event) -> None:
        if event.kind == "tick" and event.done > 100_000:
            ctx.cancel.set()

    ctx.report = report
    began = time.monotonic()
    with pytest.raises(Cancelled):
        send(here, there, ctx, wishes=limited(500_000))
    assert time.monotonic() - began < 5  # not heeded, it is six
    assert not (tmp_path / "there" / NAME).exists()
    ctx.cancel.clear()
    ctx.report = lambda _: None
    assert send(here, there, ctx).resumed_at > 0


@pytest.mark.parametrize(("verify", "grade"), [("auto", "read-back"), ("sampled", "sampled"), ("size", "size")])
def test_the_grade_is_what_was_really_done(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, verify: str, grade: str
) -> None:
    store = at(Vsftpd(tmp_path), ctx, stack, tmp_path)
    assert send(here, store, ctx, verify=verify).grade == grade


@pytest.mark.parametrize("size", [1, 1 << 20, (1 << 21) + 5, 6 << 20, 7_000_001, 50 << 20])
def test_samples_hold_both_ends_and_stay_inside(size: int) -> None:
    places = proof.samples(size, 1 << 20)
    assert places[0][0] == 0
    assert places[-1][0] + places[-1][1] == size
    assert all(at >= 0 and at + length <= size and length > 0 for at, length in places)


def test_the_sidecar_is_what_sha256sum_reads(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    send(here, there, ctx)
    assert sidecar(there, NAME, SHA) == f"{NAME}.sha256"
    assert (tmp_path / "there" / f"{NAME}.sha256").read_text() == f"{SHA}  {NAME}\n"


def test_a_sidecar_that_could_not_be_written_leaves_no_torn_one(
    there: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def torn(name: str, *_: object) -> None:
        (tmp_path / "there" / name).write_bytes(b"")
        raise JobError("The disk there is full.", topic="disk-full")

    monkeypatch.setattr(there, "write", torn)
    assert sidecar(there, NAME, SHA) == ""
    assert not (tmp_path / "there" / f"{NAME}.sha256").exists()


def test_a_lost_226_is_no_reason_to_send_again(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store) -> None:
    server = OddFtpd(tmp_path, mute=True)
    store = at(server, ctx, stack, tmp_path, rename=False, read=False)
    done = send(here, store, ctx)
    assert (done.sent, done.grade) == (len(DATA), "size")
    assert (server.folder / NAME).read_bytes() == DATA


def test_an_empty_file_and_one_without_a_known_hash(here: Store, there: Store, ctx: Context, tmp_path: Path) -> None:
    (tmp_path / "here" / "empty").write_bytes(b"")
    copy(here, "empty", there, "empty", ctx)
    assert (tmp_path / "there" / "empty").read_bytes() == b""
    done = copy(here, NAME, there, NAME, ctx)
    assert (done.sha256, done.grade) == (SHA, "sha256-server")
