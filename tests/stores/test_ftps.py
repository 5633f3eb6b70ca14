"""FTPS on bad lines and with servers of bad manners."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app import host
from app.context import Context
from app.errors import Cancelled, JobError, NeedsAnswer, Transient
from app.stores import Store, open_store
from app.stores.ftps import Ftps
from app.stores.trial import Trial
from tests.faults import Relay
from tests.ports import free_range
from tests.servers import blocks_of
from tests.servers.behind import OVER_TLS, Behind
from tests.servers.oddftpd import OddFtpd
from tests.servers.proftpd import Proftpd
from tests.servers.pyftpd import Pyftpd
from tests.servers.sshd import Sshd
from tests.servers.tls import trusted
from tests.servers.vsftpd import Vsftpd
from tests.stores.hostile import at_last

Make = Callable[..., Context]
DATA = os.urandom(3_000_000)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB."""
    if os.geteuid() != 0:
        skip = pytest.fail if os.environ.get("CI") else pytest.skip
        skip("mounting needs root")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def opened(url: str, ctx: Context, stack: ExitStack) -> Store:
    return stack.enter_context(closing(open_store(url, ctx)))


def odd(tmp_path: Path, stack: ExitStack, ctx: Context, **manners: object) -> tuple[OddFtpd, Store]:
    server = stack.enter_context(OddFtpd(tmp_path, **manners))  # type: ignore[arg-type]
    trusted(tmp_path, stack)
    return server, opened(server.url, ctx, stack)


def relayed(tmp_path: Path, stack: ExitStack, ctx: Context, **faults: float) -> tuple[Vsftpd, Relay, Store]:
    ports = free_range(8)
    server = stack.enter_context(Vsftpd(tmp_path, f"pasv_min_port={ports[0]}", f"pasv_max_port={ports[-1]}"))
    trusted(tmp_path, stack)
    relay = stack.enter_context(Relay(server.port, ports, **faults))
    return server, relay, opened(relay.url(server.url), ctx, stack)


def put(store: Store, name: str, data: bytes, offset: int = 0) -> int:
    acked: list[int] = []
    store.write(name, blocks_of(data[offset:], 1 << 16), offset, acked.append)
    return sum(acked)


@pytest.mark.parametrize("kind", ["self-signed", "other-name", "unknown"])
def test_a_doubtful_certificate_is_asked_about_then_pinned(
    tmp_path: Path, stack: ExitStack, context: Make, kind: str
) -> None:
    server = stack.enter_context(Pyftpd(tmp_path, certificate=kind))
    ctx = server.known(context())
    if kind == "other-name":
        trusted(tmp_path, stack)
    with pytest.raises(NeedsAnswer) as asked:
        opened(server.url, ctx, stack).open()
    question = asked.value.question
    assert question.kind == "certificate"
    assert question.about == f"certificate ftps://127.0.0.1:{server.port}"
    word = {"self-signed": "signed itself", "other-name": "elsewhere.example", "unknown": "does not know"}[kind]
    assert word in question.text
    assert question.detail.startswith("SHA256:")
    ctx.answers.give(question.about, question.detail)
    assert put(opened(server.url, ctx, stack), "a", DATA) == len(DATA)
    later = server.known(context())  # no answer in it: the pin is enough
    assert opened(server.url, later, stack).size("a") == len(DATA)


def test_another_answer_is_no_yes(tmp_path: Path, stack: ExitStack, context: Make) -> None:
    server = stack.enter_context(Pyftpd(tmp_path, certificate="self-signed"))
    ctx = server.known(context(answers={f"certificate ftps://127.0.0.1:{server.port}": "yes"}))
    with pytest.raises(NeedsAnswer):
        opened(server.url, ctx, stack).open()


def test_a_changed_certificate_stops_everything(tmp_path: Path, stack: ExitStack, context: Make) -> None:
    server = stack.enter_context(Pyftpd(tmp_path, certificate="self-signed"))
    ctx = server.known(context())
    home = host.private_folder(host.data_home())
    (home / "pins.json").write_text(json.dumps({f"ftps://127.0.0.1:{server.port}": "SHA256:00"}))
    with pytest.raises(JobError, match="another certificate") as told:
        opened(server.url, ctx, stack).open()
    assert not isinstance(told.value, Transient | NeedsAnswer)
    assert ctx.answers.get(server.login)  # and the password was not sent, let alone forgotten


def test_an_expired_certificate_names_the_day(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Vsftpd(tmp_path, certificate="expired"))
    trusted(tmp_path, stack)
    with pytest.raises(JobError, match=r"expired on \d{4}-\d\d-\d\d") as told:
        opened(server.url, ctx, stack).open()
    assert not isinstance(told.value, Transient | NeedsAnswer)
    assert "renew" in told.value.remedy


@pytest.mark.parametrize("make", [Proftpd, Pyftpd])
def test_a_wrong_password_is_forgotten_and_asked_again(
    tmp_path: Path, stack: ExitStack, context: Make, make: type[Proftpd | Pyftpd]
) -> None:
    server = stack.enter_context(make(tmp_path))
    trusted(tmp_path, stack)
    ctx = context(answers={server.login: "wrong"})
    store = opened(server.url, ctx, stack)
    with pytest.raises(NeedsAnswer, match="did not accept"):
        store.open()
    assert ctx.answers.get(server.login) is None
    with pytest.raises(NeedsAnswer) as asked:
        store.open()
    assert asked.value.question.about == server.login
    server.known(ctx)
    store.open()


def test_a_server_without_tls_gets_no_password(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Vsftpd(tmp_path, "ssl_enable=NO"))
    with pytest.raises(JobError, match="does not offer encryption"):
        opened(server.url, ctx, stack).open()
    assert '"USER ' not in server.log()
    assert '"AUTH TLS"' in server.log()


def test_words_smuggled_in_before_tls_are_noticed(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    _, store = odd(tmp_path, stack, ctx, after_auth=b"230 logged in already\r\n")
    with pytest.raises(JobError, match="before the line was encrypted"):
        store.open()


def test_a_folder_that_is_not_there_is_named(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    with pytest.raises(JobError, match="no folder /no/such") as told:
        opened(f"{server.url}no/such/", ctx, stack).open()
    assert told.value.topic == "no-folder"


@pytest.mark.parametrize("name", ["a\r\nDELE b", "a\nb", "a\0b", "../a", "", "."])
def test_names_that_are_commands_are_refused(tmp_path: Path, stack: ExitStack, ctx: Context, name: str) -> None:
    server, store = odd(tmp_path, stack, ctx)
    for act in (lambda: store.size(name), lambda: put(store, name, b"x"), lambda: store.remove(name)):
        with pytest.raises(JobError, match="no file name"):
            act()
    assert not [line for line in server.said if line.startswith("DELE")]


@pytest.mark.parametrize("cut", [1, 60_000, 1_000_000, 2_990_000])
def test_a_cut_line_goes_on_where_the_server_says(tmp_path: Path, stack: ExitStack, ctx: Context, cut: int) -> None:
    server, relay, store = relayed(tmp_path, stack, ctx)
    store.open()
    relay.cut_after(cut)
    with pytest.raises(Transient):
        put(store, "a.part", DATA)
    assert (store.size("a.part") or 0) <= cut
    have = store.size("a.part") or 0
    assert put(store, "a.part", DATA, have) == len(DATA) - have
    assert (server.folder / "a.part").read_bytes() == DATA
    assert version(store) == "TLSv1.3"


def test_a_pause_keeps_what_was_sent(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))  # TLS 1.3: without a good-bye it would lose a part
    trusted(tmp_path, stack)
    store = opened(server.url, ctx, stack)
    arrived = 0

    def acked(count: int) -> None:
        nonlocal arrived
        arrived += count

    def endless() -> Iterator[bytes]:
        while True:
            if arrived > 2_000_000:
                ctx.cancel.set()
            ctx.stop_if_cancelled()
            yield bytes(1 << 16)

    began = time.monotonic()
    with pytest.raises(Cancelled):
        store.write("a.part", endless(), 0, acked)
    assert time.monotonic() - began < 5
    assert (server.folder / "a.part").stat().st_size >= arrived >= 2_000_000


def test_a_cancel_is_heeded_at_once_even_when_nothing_moves(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    _, relay, store = relayed(tmp_path, stack, ctx)
    store.open()
    pressed = 0.0

    def press() -> None:
        nonlocal pressed
        relay.stall()
        time.sleep(0.5)
        pressed = time.monotonic()
        ctx.cancel.set()

    threading.Timer(0.3, press).start()
    with pytest.raises(Cancelled):
        store.write("a.part", iter(lambda: bytes(1 << 16), None), 0, lambda _: None)
    assert time.monotonic() - pressed < 10  # not heeded, it is the minute after which a line counts as dead
    ctx.cancel.clear()
    threading.Timer(0.3, ctx.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):  # the login itself stalls
        store.size("a.part")
    assert time.monotonic() - began < 10


def test_progress_is_what_left_not_what_was_buffered(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    _, relay, store = relayed(tmp_path, stack, ctx, rate=60_000)
    marks = [(time.monotonic(), 0)]
    ahead = []

    def acked(count: int) -> None:
        marks.append((time.monotonic(), marks[-1][1] + count))
        ahead.append(marks[-1][1] - relay.passed)

    store.write("a.part", blocks_of(DATA[:300_000]), 0, acked)
    assert marks[-1][1] == 300_000
    assert max(b[0] - a[0] for a, b in itertools.pairwise(marks)) < 2.5
    assert max(ahead) < 200_000  # the relay's own receive buffer, not this computer's megabytes


def test_a_server_that_never_says_good_bye_costs_seconds_only(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server, store = odd(tmp_path, stack, ctx, silent=True)
    began = time.monotonic()
    assert put(store, "a", DATA) == len(DATA)
    assert time.monotonic() - began < 7
    assert (server.folder / "a").read_bytes() == DATA


def test_a_lost_226_is_settled_by_looking(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server, store = odd(tmp_path, stack, ctx, mute=True)
    put(store, "a", DATA)
    assert (server.folder / "a").read_bytes() == DATA


def test_a_slow_226_has_its_own_phase(tmp_path: Path, stack: ExitStack, ctx: Context, events: list[object]) -> None:
    _, store = odd(tmp_path, stack, ctx, slow_226=1.6)
    put(store, "a", DATA)
    assert any("stored the last bytes" in getattr(event, "text", "") for event in events)


def test_a_file_still_held_is_worth_waiting_for(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server, store = odd(tmp_path, stack, ctx, held=1)
    with pytest.raises(Transient, match="still holds"):
        put(store, "a", DATA)
    put(store, "a", DATA)
    assert (server.folder / "a").read_bytes() == DATA


def test_faulty_tls_13_on_the_data_line_falls_back_to_12(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server, store = odd(tmp_path, stack, ctx, no_new_tls=True)
    with pytest.raises(Transient):  # a cut line looks the same
        put(store, "a", DATA)
    again = opened(server.url, ctx, stack)  # as the engine does it
    put(again, "a", DATA)
    assert (server.folder / "a").read_bytes() == DATA
    assert version(again) == "TLSv1.2"


def test_faulty_tls_13_is_found_out_by_the_trial(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server, store = odd(tmp_path, stack, ctx, no_new_tls=True)
    with Trial(store, ctx) as trial:
        trial.abilities()
    later = opened(server.url, ctx, stack)
    put(later, "a", DATA)
    assert version(later) == "TLSv1.2"


@pytest.mark.parametrize("how", ["all", "one"])
@pytest.mark.parametrize("cut", [1, 600])
@pytest.mark.parametrize("make", OVER_TLS)
def test_lines_cut_in_the_handshake_do_not_weaken_tls(
    tmp_path: Path, stack: ExitStack, ctx: Context, make: str, cut: int, how: str
) -> None:
    site = Behind(make, tmp_path, ctx, stack)
    put(site.store(), "before", DATA[:1000])
    for _ in range(2):
        site.relay.cut_after(cut, how)
        with pytest.raises(Transient):
            put(site.store(), "a.part", DATA)
    last = site.store()
    put(last, "a.part", DATA)
    assert (site.folder / "a.part").read_bytes() == DATA
    assert version(last) == "TLSv1.3"


def version(store: Store) -> str | None:
    """The TLS version in which *store* talks to its server."""
    assert isinstance(store, Ftps)
    wire = store._session().wire
    return wire.tls and wire.tls.version()


@pytest.mark.parametrize("forbidden", [("SIZE",), ("SIZE", "MLST"), ("SIZE", "MLST", "MLSD")])
def test_lengths_are_found_without_size(
    tmp_path: Path, stack: ExitStack, ctx: Context, forbidden: tuple[str, ...]
) -> None:
    server = stack.enter_context(Pyftpd(tmp_path, forbidden=forbidden))
    trusted(tmp_path, stack)
    store = opened(server.url, server.known(ctx), stack)
    put(store, "two words.img", DATA)
    # pyftpdlib cuts a line of LIST now and then when it is in a hurry
    assert at_last(lambda: store.size("two words.img")) == len(DATA)
    assert at_last(lambda: store.size("nothing")) is None


def test_appending_where_rest_is_unknown(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Pyftpd(tmp_path, forbidden=("REST",)))
    trusted(tmp_path, stack)
    store = opened(server.url, server.known(ctx), stack)
    put(store, "a", DATA[:1_000_000])
    put(store, "a", DATA, 1_000_000)
    assert (server.folder / "a").read_bytes() == DATA


@pytest.mark.root
@pytest.mark.parametrize("make", [Vsftpd, Proftpd])  # pyftpdlib never answers then
def test_a_full_disk_says_how_much_is_stored(
    tmp_path: Path, stack: ExitStack, ctx: Context, make: type[Vsftpd], small_disk: Path
) -> None:
    if make is Proftpd:
        (tmp_path / "uploads").symlink_to(small_disk)
    server = stack.enter_context(make(tmp_path) if make is Proftpd else make(tmp_path, folder=small_disk))
    trusted(tmp_path, stack)
    if hasattr(server, "known"):
        server.known(ctx)
    store = opened(server.url, ctx, stack)
    ctx.begin("sending", len(DATA))
    with pytest.raises(JobError) as told:
        put(store, "a.part", DATA)
    assert not isinstance(told.value, Transient), told.value
    assert told.value.topic == "disk-full"
    assert f"of {len(DATA):,} bytes" in told.value.message
    assert "Nothing is lost" in told.value.means


def test_memory_stays_flat(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Vsftpd(tmp_path))
    trusted(tmp_path, stack)
    store = opened(server.url, ctx, stack)
    block = os.urandom(1 << 18)
    store.write("warm", iter([block] * 8), 0, lambda _: None)
    before = resident()
    most = 0

    def watched() -> Iterator[bytes]:
        nonlocal most
        for _ in range(1200):
            most = max(most, resident())
            yield block

    store.write("big", watched(), 0, lambda _: None)
    assert store.size("big") == 1200 << 18
    assert most - before < 24 << 20
    (server.folder / "big").unlink()


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_an_ssh_server_is_told_as_one_at_once(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Sshd(tmp_path))
    store = stack.enter_context(closing(open_store(f"ftpes://me@127.0.0.1:{server.port}/", ctx)))
    began = time.monotonic()
    with pytest.raises(JobError, match="An SSH server answers") as told:
        store.open()
    assert time.monotonic() - began < 5
    assert "sftp://127.0.0.1" in told.value.remedy


def test_a_question_for_a_password_is_a_sentence(tmp_path: Path, stack: ExitStack, ctx: Context) -> None:
    server = stack.enter_context(Proftpd(tmp_path))
    trusted(tmp_path, stack)
    store = stack.enter_context(closing(open_store(server.url, ctx)))
    with pytest.raises(NeedsAnswer, match=r"^The server 127\.0\.0\.1 asks for the password of \w+\.$") as told:
        store.open()
    assert (told.value.means, told.value.topic) == ("Nothing was sent yet.", "passwords")


def test_a_line_that_is_cut_before_it_is_encrypted_may_come_back(
    tmp_path: Path, stack: ExitStack, ctx: Context
) -> None:
    server = stack.enter_context(Vsftpd(tmp_path, implicit=True))
    relay = stack.enter_context(Relay(server.port))
    relay.down = True  # it takes the connection and hangs up
    with pytest.raises(Transient, match="hung up"):
        opened(relay.url(server.url), ctx, stack).open()
