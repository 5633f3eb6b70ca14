"""SSH servers that are slow, odd, full, strict or exchanged: never a false “done”, always a remedy."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from app.context import Context, Event
from app.errors import JobError, NeedsAnswer, Transient
from app.steps.upload import ONE_TIME
from app.stores import Store
from app.stores.trial import Trial
from tests.servers.behind import OVER_SSH, Behind
from tests.servers.sshd import Sshd, make_key
from tests.stores.hostile import DATA, NAME, PART, PROVEN, SENDING, failure, placed, send


@pytest.mark.parametrize(
    "faults",
    [
        {"before": b"Gr\xfc\xdfe aus K\xf6ln\r\n"},  # RFC 4253 section 4.2 allows lines before the version
        {"before": b"\xff\xfe\x00\x81 welcome\n" * 20},
        {"hold": 6.0},
        {"drip": 0.0005},
    ],
)
def test_slow_and_odd_greetings(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, faults: dict[str, Any]
) -> None:
    site = Behind("openssh", tmp_path, ctx, stack, faults=faults)
    assert send(here, site.store(), ctx).grade == "sha256-server"
    assert (site.folder / NAME).read_bytes() == DATA


def test_a_login_banner_in_another_alphabet(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store) -> None:
    banner = tmp_path / "banner"
    banner.write_bytes(b"Nur f\xfcr Mitarbeiter \xff\xfe\n")
    site = Behind("openssh", tmp_path, ctx, stack, options=[f"Banner {banner}"])
    assert send(here, site.store(), ctx).grade == "sha256-server"


def test_a_line_that_is_cut_in_a_later_login_is_tried_again(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    site = Behind("openssh", tmp_path, ctx, stack, faults={"both": True})
    store = site.store()
    store.open()
    whole = site.relay.passed
    for cut in range(whole - 2500, whole, 100):  # the keys are exchanged, the login begins
        store.close()
        site.relay.cut_after(cut, "end")
        with contextlib.suppress(Transient):  # and nothing else
            store.open()
    store.close()
    store.open()


def test_something_else_that_answers_is_told(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    site = Behind("openssh", tmp_path, ctx, stack, faults={"before": b"HTTP/1.1 400 Bad Request\r\n" * 200})
    told = failure(lambda: site.store().open(), 1)
    assert "does not answer like an SSH server" in told.message


@pytest.mark.parametrize("make", OVER_SSH)
def test_a_folder_that_becomes_read_only_in_the_middle(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str, small_disk: Path
) -> None:
    site = placed(make, small_disk, tmp_path, ctx, stack)
    site.relay.cut_after(1_500_000)
    with pytest.raises(Transient):
        send(here, site.store(), ctx)
    time.sleep(0.5)  # until the server has closed the file: a disk in use stays writable
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    told = failure(lambda: send(here, site.store(), ctx), 2)
    assert not isinstance(told, Transient), told.message
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert send(here, site.store(), ctx).grade in PROVEN
    assert (small_disk / NAME).read_bytes() == DATA


@pytest.mark.parametrize("make", OVER_SSH)
def test_a_disk_that_is_full_keeps_the_place_and_goes_on(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str, small_disk: Path
) -> None:
    site = placed(make, small_disk, tmp_path, ctx, stack)
    (small_disk / "theirs").write_bytes(bytes(2_500_000))
    told = failure(lambda: send(here, site.store(), ctx))
    assert not isinstance(told, Transient), told.message
    assert told.topic == "disk-full"
    (small_disk / "theirs").unlink()
    done = send(here, site.store(), ctx)
    assert done.resumed_at > 0
    assert done.grade in PROVEN
    assert (small_disk / NAME).read_bytes() == DATA


@pytest.mark.parametrize("forbidden", ["posix-rename", "posix-rename,rename"])
def test_where_rename_is_forbidden_the_trial_finds_out(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, forbidden: str
) -> None:
    site = Behind("openssh", tmp_path, ctx, stack, sftp=f"internal-sftp -P {forbidden}")
    store = site.store()
    if forbidden != "posix-rename":
        told = failure(lambda: send(here, store, ctx), 1)
        assert told.topic == "rename"
        assert (site.folder / PART).read_bytes() == DATA
        site.tidy()
    with Trial(store, ctx) as trial:
        assert trial.abilities().rename == (forbidden == "posix-rename")
    assert send(here, store, ctx).sent == len(DATA)
    assert {file.name for file in site.folder.iterdir()} == {NAME}
    assert (site.folder / NAME).read_bytes() == DATA


def test_where_rename_is_forbidden_a_file_that_should_be_replaced_is_not_lost(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    site = Behind("openssh", tmp_path, ctx, stack, sftp="internal-sftp -P posix-rename,rename")
    (site.folder / NAME).write_bytes(b"precious")
    assert failure(lambda: send(here, site.store(), ctx), 1).topic == "rename"
    assert (site.folder / NAME).read_bytes() == b"precious"


@pytest.mark.parametrize("make", OVER_SSH)
def test_one_time_folders_that_go_with_the_last_byte(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str
) -> None:
    site = Behind(make, tmp_path, ctx, stack)
    once = site.folder / "once"
    once.mkdir()
    store = site.store("once/")
    store.abilities = ONE_TIME
    taken: list[bytes] = []
    report = ctx.report

    def watched(event: Event) -> None:
        report(event)
        if event.kind == "tick" and event.text == SENDING and event.done == event.total and not taken:
            taken.append((once / NAME).read_bytes())  # every byte is acknowledged, so it is there
            shutil.rmtree(once)

    ctx.report = watched
    done = send(here, store, ctx)
    assert taken == [DATA]
    assert done.grade == "accepted"
    assert "moved it away" in done.proof
    assert failure(lambda: site.store("once/").open(), 1).topic == "no-folder"


def test_a_host_key_that_changes_in_mid_job_stops_it_in_words(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    site = Behind("openssh", tmp_path, ctx, stack)
    server: Sshd = site.server
    site.relay.cut_after(1_500_000)
    with pytest.raises(Transient):
        send(here, site.store(), ctx)
    server.stop()
    for file in (server.host_keys[0], server.host_keys[0].with_name(server.host_keys[0].name + ".pub")):
        file.unlink()
    make_key(server.host_keys[0])
    server.start()
    with pytest.raises(JobError) as told:
        send(here, site.store(), ctx)
    assert not isinstance(told.value, Transient)
    assert isinstance(told.value, NeedsAnswer)
    assert told.value.question.kind == "host-key-changed"
    assert told.value.remedy
    assert (site.folder / PART).stat().st_size < len(DATA)


def test_a_server_that_sends_no_answers_any_more_is_given_up(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.sftp_wire.SILENCE", 1.0)
    monkeypatch.setattr("app.ssh.client.STALL", 1.0)
    site = Behind("openssh", tmp_path, ctx, stack)
    store = site.store()
    store.open()
    report = ctx.report

    def watched(event: Event) -> None:
        report(event)
        if event.kind == "phase" and event.text == SENDING:
            site.relay.stall()

    ctx.report = watched
    with pytest.raises(Transient) as told:
        send(here, store, ctx)
    assert told.value.remedy
    ctx.report = report
    site.relay.go()
    assert send(here, site.store(), ctx).grade == "sha256-server"
