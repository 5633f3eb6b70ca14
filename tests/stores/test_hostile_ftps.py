"""FTPS servers, routers and firewalls that lie, forget, refuse and stall: never a false “done”, always a remedy."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import host
from app.context import Context, Event
from app.errors import NeedsAnswer, Transient
from app.steps.upload import ONE_TIME
from app.stores import Store, open_store
from app.stores.certificates import fingerprint
from app.stores.trial import Trial
from tests.servers.behind import OVER_TLS, Behind
from tests.servers.oddftpd import OddFtpd
from tests.servers.tls import pem, trusted
from tests.stores.hostile import DATA, NAME, PART, PROVEN, SENDING, at_last, failure, placed, send


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.stores.ftps.SETTLING", (0.01,))


@pytest.fixture
def odd(tmp_path: Path, stack: ExitStack, ctx: Context) -> Callable[..., tuple[OddFtpd, Store]]:
    """A server with such manners and a store there; it reads nothing back."""

    def make(**manners: Any) -> tuple[OddFtpd, Store]:
        server = stack.enter_context(OddFtpd(tmp_path, **manners))
        trusted(tmp_path, stack)
        store = stack.enter_context(closing(open_store(server.url, ctx)))
        store.abilities = replace(store.abilities, rename=False, read=False)
        return server, store

    return make


def while_sending(ctx: Context, at: int, act: Callable[[], object]) -> None:
    """Do *act* once, when *at* bytes have got through."""
    report, over = ctx.report, []

    def watched(event: Event) -> None:
        report(event)
        if event.kind == "tick" and event.text == SENDING and event.done >= at and not over:
            over.append(event)
            act()

    ctx.report = watched


def test_a_server_that_stores_half_and_says_226_gets_the_other_half(odd: Any, ctx: Context, here: Store) -> None:
    _, store = odd(keeps=lambda data: data[: len(data) // 2])
    store.abilities = replace(store.abilities, read=False)
    told = failure(lambda: send(here, store, ctx), 60)
    assert "holds" in told.message  # what it drops is dropped anew each time, so it never gets there


def test_half_once_is_gone_on_with(tmp_path: Path, odd: Any, ctx: Context, here: Store) -> None:
    kept: list[int] = []

    def first_megabyte(data: bytes) -> bytes:
        kept.append(len(data))
        return data if sum(kept) <= 1_000_000 or sum(kept) > len(DATA) else b""

    server, store = odd(keeps=first_megabyte)
    with pytest.raises(Transient, match="holds only"):
        send(here, store, ctx)
    store.abilities = replace(store.abilities, read=False)
    for _ in range(3):
        try:
            done = send(here, store, ctx)
        except Transient:
            continue
        break
    assert done.grade == "size"
    assert (server.folder / NAME).stat().st_size == len(DATA)


def test_a_server_that_keeps_no_more_however_often_it_is_sent_is_told(odd: Any, ctx: Context, here: Store) -> None:
    server, store = odd()
    server.keeps = lambda data: data if (server.folder / NAME).stat().st_size < 500_000 else b""
    told = failure(lambda: send(here, store, ctx), 6)
    assert "each time it is sent" in told.message
    assert told.topic == "server-limits"
    assert not isinstance(told, Transient)


@pytest.mark.parametrize("wrong", [lambda n: n + 1, lambda n: n * 2, lambda n: n // 2, lambda n: 0])
def test_a_wrong_size_ends_in_words(odd: Any, ctx: Context, here: Store, wrong: Callable[[int], int]) -> None:
    _, store = odd(shows=wrong)
    told = failure(lambda: send(here, store, ctx), 40)
    assert not isinstance(told, Transient)
    assert told.topic == "server-limits"


def test_a_busy_file_is_not_one_that_was_moved_away(odd: Any, ctx: Context, here: Store) -> None:
    server, store = odd(busy=3)
    with pytest.raises(Transient, match="still holds"):
        send(here, store, ctx)
    server.busy = 0
    assert send(here, store, ctx).grade == "size"
    assert (server.folder / NAME).read_bytes() == DATA


PASV_PRIVATE = "227 Entering Passive Mode (192,168,7,7,{high},{low})"


@pytest.mark.parametrize(
    "passive",
    [
        {"EPSV": "502 unknown", "PASV": PASV_PRIVATE},
        {"EPSV": "550 not here", "PASV": PASV_PRIVATE},
        {"EPSV": "425 not now, use PASV", "PASV": PASV_PRIVATE},
        {"EPSV": "229 Entering Extended Passive Mode", "PASV": PASV_PRIVATE},
        {"PASV": "502 unknown"},
    ],
)
def test_behind_a_nat(odd: Any, ctx: Context, here: Store, passive: dict[str, str]) -> None:
    server, store = odd(passive=passive)
    assert send(here, store, ctx).grade == "size"
    assert (server.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize("pasv", ["502 unknown", "227 have a guess", "550 no"])
def test_without_any_data_line_it_is_said(odd: Any, ctx: Context, here: Store, pasv: str) -> None:
    _, store = odd(passive={"EPSV": "502 unknown", "PASV": pasv})
    told = failure(lambda: send(here, store, ctx), 1)
    assert "opens no line for data" in told.message
    assert told.topic == "data-port"
    assert not isinstance(told, Transient)


def test_a_data_port_that_is_blocked_is_told_and_later_only_waited_for(odd: Any, ctx: Context, here: Store) -> None:
    server, store = odd(passive={"EPSV": "229 Extended (|||1|)"})
    told = failure(lambda: send(here, store, ctx), 1)
    assert not isinstance(told, Transient)
    assert told.topic == "data-port"
    server.passive = {"EPSV": "229 Extended (|||{port}|)"}
    store.write("small", iter([b"x"]), 0, lambda _: None)
    server.passive = {"EPSV": "229 Extended (|||1|)"}
    with pytest.raises(Transient, match="cannot be reached"):  # in the night, after hours of work
        send(here, store, ctx)


@pytest.mark.parametrize("greeting", [b"220 Gr\xfc\xdfe aus K\xf6ln\r\n", b"220-\xff\xfe\r\n caf\xe9\r\n220 ok\r\n"])
def test_a_greeting_in_another_alphabet(odd: Any, ctx: Context, here: Store, greeting: bytes) -> None:
    server, store = odd(greeting=greeting)
    send(here, store, ctx)
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_greeting_that_takes_its_time(odd: Any, ctx: Context, here: Store) -> None:
    server, store = odd(after_greeting=6)
    send(here, store, ctx)
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_greeting_that_never_comes_is_told(
    odd: Any, ctx: Context, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.ftp_session.GREETING", 0.5)
    _, store = odd(after_greeting=20)
    with pytest.raises(Transient, match="does not answer") as told:
        store.open()
    assert "ftps://" in told.value.remedy


def test_a_full_house_is_no_wrong_password(odd: Any, ctx: Context) -> None:
    _, store = odd(crowded=1)
    with pytest.raises(Transient, match="lets nobody more in"):
        store.open()
    store.open()


def test_a_server_that_stops_reading_is_given_up(
    odd: Any, ctx: Context, here: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.ftp_outflow.STALL", 1.0)
    monkeypatch.setattr("app.stores.ftps.STALL", 1.0)
    server, store = odd(stops=100_000)
    big = iter(lambda: bytes(1 << 18), None)  # more than any buffer on the way
    with pytest.raises(Transient) as told:
        store.write(NAME, big, 0, lambda _: None)
    assert told.value.remedy
    server.stops = 0
    assert send(here, store, ctx).grade == "size"


def test_421_in_the_middle_is_gone_on_with(odd: Any, ctx: Context, here: Store) -> None:
    server, store = odd(quits=1_000_000)
    with pytest.raises(Transient) as told:
        send(here, store, ctx)
    assert told.value.remedy
    server.quits = 0
    assert send(here, store, ctx).grade == "size"
    assert (server.folder / NAME).read_bytes() == DATA


def test_a_certificate_that_changes_in_mid_job_stops_it_in_words(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    server = stack.enter_context(OddFtpd(tmp_path))
    store = stack.enter_context(closing(open_store(server.url, ctx)))
    store.abilities = replace(store.abilities, rename=False, read=False)
    server.context = other(tmp_path / "one")
    with pytest.raises(NeedsAnswer) as asked:
        store.open()
    ctx.answers.give(asked.value.question.about, asked.value.question.detail)
    server.quits = 1_500_000
    with pytest.raises(Transient):
        send(here, store, ctx)
    said = len(server.said)
    server.context, server.quits = other(tmp_path / "two"), 0
    told = failure(lambda: send(here, store, ctx), 1)
    assert "another certificate" in told.message
    assert told.topic == "certificate-changed"
    assert not isinstance(told, Transient | NeedsAnswer)
    assert [line for line in server.said[said:] if line.startswith(("USER", "PASS"))] == []
    assert (server.folder / NAME).stat().st_size <= 1_600_000


def test_a_data_line_with_another_certificate_gets_no_byte(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store
) -> None:
    server = stack.enter_context(OddFtpd(tmp_path))
    server.context = other(tmp_path / "one")
    ctx.answers.give(f"certificate ftps://127.0.0.1:{server.port}", fingerprint(certificate(tmp_path / "one")))
    store = stack.enter_context(closing(open_store(server.url, ctx)))
    store.open()
    server.context = other(tmp_path / "two")
    told = failure(lambda: send(here, store, ctx), 1)
    assert "another certificate" in told.message
    assert not (server.folder / PART).exists() or (server.folder / PART).stat().st_size == 0


def certificate(folder: Path) -> bytes:
    """The certificate (DER) that `other` put into *folder*."""
    text = (folder / "self-signed.pem").read_text()
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERTIFICATE") :])


@pytest.mark.parametrize("make", OVER_TLS)
def test_a_self_signed_certificate_is_asked_about_once_and_another_one_refused(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str
) -> None:
    site = Behind(make, tmp_path, ctx, stack, certificate="self-signed")
    os.environ.pop("SSL_CERT_FILE", None)  # there is no authority in this story
    with pytest.raises(NeedsAnswer) as asked:
        site.store().open()
    about, shown = asked.value.question.about, asked.value.question.detail
    assert shown == fingerprint(certificate(tmp_path))
    ctx.answers.give(about, shown)
    assert send(here, site.store(), ctx).grade in PROVEN
    ctx.answers.forget(about)
    assert send(here, site.store(), ctx).sent == 0  # the pin is enough
    pins = host.data_home() / "pins.json"
    pins.write_text(pins.read_text().replace(shown, shown[::-1]))
    told = failure(lambda: site.store().open(), 1)
    assert "another certificate" in told.message
    assert told.topic == "certificate-changed"


def other(folder: Path) -> ssl.SSLContext:
    """A server's side with a self-signed certificate of its own."""
    folder.mkdir()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem(folder, "self-signed"))
    return context


@pytest.mark.parametrize("make", OVER_TLS)
def test_a_control_line_that_is_forgotten_in_the_hours_of_data(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.ftps.FIRST_LOOK", 0.5)
    site = Behind(make, tmp_path, ctx, stack, faults={"idle": 1.5})
    store = site.store()
    store.open()
    site.relay.rate = 1_000_000  # three seconds of data
    done = send(here, store, ctx)
    assert site.relay.forgotten
    assert done.resumed_at == 0
    assert (site.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize("make", ["vsftpd", "pureftpd"])
def test_answers_that_come_byte_by_byte(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str) -> None:
    site = Behind(make, tmp_path, ctx, stack, faults={"drip": 0.002})
    assert send(here, site.store(), ctx).grade == "read-back"
    assert (site.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize("make", OVER_TLS)
def test_one_time_folders_that_go_with_the_last_byte(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str
) -> None:
    site = Behind(make, tmp_path, ctx, stack)
    once = site.folder / "once"
    once.mkdir()
    once.chmod(0o777)
    store = site.store("once/")
    store.abilities = ONE_TIME
    taken: list[bytes] = []

    def take() -> None:
        time.sleep(0.5)  # until it has written down what TCP gave it
        taken.append((once / NAME).read_bytes())
        shutil.rmtree(once)

    report = ctx.report

    def watched(event: Event) -> None:
        report(event)
        if event.kind == "tick" and event.text == SENDING and event.done == event.total and not taken:
            take()

    ctx.report = watched
    done = send(here, store, ctx)
    assert done.grade == "accepted"
    assert "moved it away" in done.proof
    again = failure(lambda: site.store("once/").open(), 1)
    assert again.topic == "no-folder"


RENAMELESS: dict[str, tuple[str, ...]] = {
    "vsftpd": ("cmds_denied=RNFR,RNTO",),
    "proftpd": ("<Limit RNFR RNTO>", "DenyAll", "</Limit>"),
    "pureftpd": ("-G",),
}


@pytest.mark.parametrize("make", [*RENAMELESS, "pyftpdlib"])
def test_where_rename_is_forbidden_the_trial_finds_out_and_the_name_is_written_at_once(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str
) -> None:
    options = RENAMELESS.get(make, ())
    how = {"allowed": "elradmwMT"} if make == "pyftpdlib" else {}
    site = Behind(make, tmp_path, ctx, stack, *options, **how)
    store = site.store()
    told = failure(lambda: send(here, store, ctx), 1)  # not known yet: the whole image waits under its other name
    assert told.topic == "rename"
    assert (site.folder / PART).read_bytes() == DATA
    site.tidy()
    with Trial(store, ctx) as trial:
        assert not trial.abilities().rename
    assert send(here, store, ctx).sent == len(DATA)
    assert {file.name for file in site.folder.iterdir()} == {NAME}
    assert (site.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize(
    ("make", "options"),
    [
        ("vsftpd", ("cmds_denied=REST",)),  # APPE is left
        ("vsftpd", ("cmds_denied=REST,APPE",)),
        ("vsftpd", ("cmds_denied=EPSV,APPE,MLSD",)),
        ("proftpd", ("AllowStoreRestart off",)),
        ("proftpd", ("<Limit APPE EPSV>", "DenyAll", "</Limit>")),
        ("pureftpd", ("-K",)),  # nobody may delete
        ("pureftpd", ("-0",)),  # it writes elsewhere first
    ],
)
def test_a_cut_upload_goes_on_or_begins_again_as_the_server_allows(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str, options: tuple[str, ...]
) -> None:
    site = Behind(make, tmp_path, ctx, stack, *options)
    store = site.store()
    with Trial(store, ctx) as trial:
        trial.abilities()
    for _ in range(2):
        site.relay.cut_after(1_200_000)
        with pytest.raises(Transient):
            send(here, site.store(), ctx)
    again = site.store()
    again.abilities = store.abilities
    assert send(here, again, ctx).grade in PROVEN
    assert (site.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize("make", OVER_TLS)
def test_a_login_that_has_grown_old_is_made_anew_for_each_data_line(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.ftp_folder.TICKET", -1.0)
    site = Behind(make, tmp_path, ctx, stack)
    assert send(here, site.store(), ctx).grade in PROVEN
    assert (site.folder / NAME).read_bytes() == DATA


@pytest.mark.parametrize("make", OVER_TLS)
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
    assert told.topic == "permission"
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    assert send(here, site.store(), ctx).grade in PROVEN
    assert (small_disk / NAME).read_bytes() == DATA


@pytest.mark.parametrize("make", ["vsftpd", "proftpd", "pureftpd"])  # pyftpdlib never answers then
def test_a_disk_that_is_full_keeps_the_place_and_goes_on(
    tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, make: str, small_disk: Path
) -> None:
    site = placed(make, small_disk, tmp_path, ctx, stack)
    (small_disk / "theirs").write_bytes(bytes(2_500_000))
    told = failure(lambda: send(here, site.store(), ctx), 3)
    assert not isinstance(told, Transient), told.message
    assert told.topic == "disk-full"
    assert "Nothing is lost" in told.means
    kept = (small_disk / PART).stat().st_size
    (small_disk / "theirs").unlink()
    done = send(here, site.store(), ctx)
    assert done.grade in PROVEN
    assert done.resumed_at <= kept
    assert done.resumed_at > 0
    assert (small_disk / NAME).read_bytes() == DATA


@pytest.mark.parametrize("year", ["1980", "2038", "2106"])
def test_a_server_whose_clock_is_wrong(tmp_path: Path, stack: ExitStack, ctx: Context, here: Store, year: str) -> None:
    site = Behind("pyftpdlib", tmp_path, ctx, stack, forbidden=("SIZE", "MLST", "MLSD"))
    (site.folder / PART).write_bytes(DATA[:1_000_000])
    subprocess.run(["touch", "-d", f"{year}-01-02 03:04", str(site.folder / PART)], check=True)
    store = site.store()
    done = at_last(lambda: send(here, store, ctx))  # pyftpdlib cuts a line of LIST now and then when it is in a hurry
    assert done.resumed_at >= 1_000_000
    assert (site.folder / NAME).read_bytes() == DATA
