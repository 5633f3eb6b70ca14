"""What an upload by SFTP stands: cut and stalled lines, full disks, read-only places, files above 4 GiB."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.addresses import split_target
from app.context import Context
from app.errors import Cancelled, JobError, Transient
from app.stores import Store, open_store
from tests.faults import Relay
from tests.servers import blocks_of, need, until
from tests.servers.psshd import PasswordServer
from tests.servers.sshd import Sshd

Make = Callable[..., Context]
DATA = os.urandom(20_000_000)
GIB = 1 << 30


@contextlib.contextmanager
def store_of(server: Sshd, ctx: Context, folder: Path | None = None) -> Iterator[Store]:
    with contextlib.closing(open_store(server.url("sftp", folder), server.known(ctx))) as store:
        yield store


def slowly(data: bytes, at: int, then: Callable[[], object]) -> Iterator[bytes]:
    """Blocks of *data*; something happens once when *at* bytes have been handed out."""
    given, happened = 0, False
    for block in blocks_of(data, 65_536):
        if given >= at and not happened:
            happened = True
            then()
        yield block
        given += len(block)


def same(server: Sshd, name: str) -> bool:
    return hashlib.sha256((server.folder / name).read_bytes()).digest() == hashlib.sha256(DATA).digest()


def test_a_cut_line_in_mid_write_is_transient_and_the_rest_follows(server: Sshd, ctx: Context) -> None:
    acked: list[int] = []
    with store_of(server, ctx) as store:
        with pytest.raises(Transient):
            store.write("a.part", slowly(DATA, 7_000_000, server.cut), 0, acked.append)
        there = store.size("a.part")  # connects anew by itself
        assert there is not None
        assert 0 < sum(acked) <= there < len(DATA)
        store.write("a.part", blocks_of(DATA[there:]), there, acked.append)
    assert same(server, "a.part")


def test_a_server_that_is_started_again_is_found_again(server: Sshd, ctx: Context) -> None:
    with store_of(server, ctx) as store:
        with pytest.raises(Transient):
            store.write("a.part", slowly(DATA, 3_000_000, server.stop), 0, lambda n: None)
        with pytest.raises(Transient, match="refuses"):
            store.size("a.part")
        server.start()
        there = store.size("a.part") or 0
        store.write("a.part", blocks_of(DATA[there:]), there, lambda n: None)
    assert same(server, "a.part")


def freeze(server: Sshd) -> None:
    for pid in server.sessions():
        os.kill(pid, signal.SIGSTOP)


def test_cancel_while_the_line_is_stuck_takes_less_than_a_second_and_a_half(server: Sshd, ctx: Context) -> None:
    acked: list[int] = []

    def stuck() -> None:
        freeze(server)
        threading.Timer(0.5, lambda: (times.append(time.monotonic()), ctx.cancel.set())).start()

    times: list[float] = []
    with store_of(server, ctx) as store:
        with pytest.raises(Cancelled):
            store.write("a.part", slowly(DATA, 5_000_000, stuck), 0, acked.append)
        assert time.monotonic() - times[0] < 1.5
        ctx.cancel.clear()
        assert sum(acked) <= (server.folder / "a.part").stat().st_size
        there = store.size("a.part") or 0
        assert there >= sum(acked)
        store.write("a.part", blocks_of(DATA[there:]), there, acked.append)
    assert same(server, "a.part")


def test_cancel_while_reading_from_a_stuck_line(server: Sshd, ctx: Context) -> None:
    (server.folder / "a.img").write_bytes(DATA)
    with store_of(server, ctx) as store:
        blocks = store.read("a.img")
        next(iter(blocks))
        freeze(server)
        threading.Timer(0.3, ctx.cancel.set).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            for _ in blocks:
                pass
        assert time.monotonic() - began < 10


def test_a_server_that_has_gone_silent_is_given_up(server: Sshd, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.stores.sftp_wire.SILENCE", 1.0)
    monkeypatch.setattr("app.ssh.client.STALL", 1.0)
    with store_of(server, ctx) as store:
        with pytest.raises(Transient):
            store.write("a.part", slowly(DATA, 5_000_000, lambda: freeze(server)), 0, lambda n: None)
        assert (store.size("a.part") or 0) > 0


def test_a_source_that_takes_its_time_is_no_dead_line(
    server: Sshd, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.stores.sftp_wire.SILENCE", 1.5)
    monkeypatch.setattr("app.ssh.client.STALL", 1.5)
    with store_of(server, ctx) as store:
        store.write("a.part", slowly(DATA[:500_000], 200_000, lambda: time.sleep(3)), 0, lambda n: None)
        blocks = store.read("a.part")
        first = next(iter(blocks))
        time.sleep(3)
        assert first + b"".join(blocks) == DATA[:500_000]


def test_what_counts_is_acknowledged_not_handed_over(server: Sshd, ctx: Context) -> None:
    acked: list[int] = []
    handed: list[int] = []

    def blocks() -> Iterator[bytes]:
        for block in blocks_of(DATA, 65_536):
            if sum(handed) > 4_000_000:
                freeze(server)
                threading.Timer(0.5, ctx.cancel.set).start()
                while True:
                    yield block
            handed.append(len(block))
            yield block

    with store_of(server, ctx) as store, pytest.raises(Cancelled):
        store.write("a.part", blocks(), 0, acked.append)
    assert 0 < sum(acked) <= (server.folder / "a.part").stat().st_size


@contextlib.contextmanager
def store_over(relay: Relay, server: Sshd, ctx: Context) -> Iterator[Store]:
    ctx.answers.give(f"host-key ssh://{relay.HOST}:{server.port}", server.fingerprint)
    with contextlib.closing(open_store(relay.url(server.url("sftp")), ctx)) as store:
        yield store


def test_a_slow_line_shows_progress_all_the_time_and_stops_at_once(server: Sshd, ctx: Context) -> None:
    marks: list[float] = []

    def acked(count: int) -> None:
        marks.append(time.monotonic())

    with Relay(server.port, rate=100_000) as relay, store_over(relay, server, ctx) as store:
        store.open()
        marks.append(time.monotonic())
        threading.Timer(5, ctx.cancel.set).start()
        with pytest.raises(Cancelled):
            store.write("a.part", (ctx.advance() or block for block in blocks_of(DATA, 16_384)), 0, acked)
        ended = time.monotonic()
    assert len(marks) > 4
    assert max(b - a for a, b in itertools.pairwise(marks)) < 3
    assert ended - marks[0] < 6.5
    assert (server.folder / "a.part").stat().st_size < 1_500_000


def test_cancel_on_a_line_that_carries_nothing_any_more(server: Sshd, ctx: Context) -> None:
    with Relay(server.port) as relay, store_over(relay, server, ctx) as store:
        times: list[float] = []

        def stuck() -> None:
            relay.stall()
            threading.Timer(0.5, lambda: (times.append(time.monotonic()), ctx.cancel.set())).start()

        with pytest.raises(Cancelled):
            store.write("a.part", slowly(DATA, 6_000_000, stuck), 0, lambda n: None)
        assert time.monotonic() - times[0] < 1.5
        relay.go()
        ctx.cancel.clear()
        there = store.size("a.part") or 0
        store.write("a.part", blocks_of(DATA[there:]), there, lambda n: None)
    assert same(server, "a.part")


def test_a_line_cut_again_and_again_at_any_byte(server: Sshd, ctx: Context) -> None:
    acked: list[int] = []
    with Relay(server.port) as relay, store_over(relay, server, ctx) as store:
        for _ in range(12):
            relay.cut_after(random.randrange(1, 3_000_000))
            try:
                there = store.size("a.part") or 0
                assert there >= sum(acked)
                acked[:] = [there]
                store.write("a.part", blocks_of(DATA[there:]), there, acked.append)
            except Transient:
                continue
        relay.cut_after(-1 - relay.passed)
        there = store.size("a.part") or 0
        store.write("a.part", blocks_of(DATA[there:]), there, lambda n: None)
    assert same(server, "a.part")


def test_from_one_file_to_another_over_one_line(server: Sshd, ctx: Context) -> None:
    (server.folder / "a.img").write_bytes(DATA)
    with store_of(server, ctx) as store:
        store.write("b.img", store.read("a.img"), 0, lambda n: None)
    assert same(server, "b.img")


def test_offsets_above_4_gib(server: Sshd, ctx: Context) -> None:
    at = 5 * GIB + 12_345
    with (server.folder / "a.part").open("wb") as file:
        file.truncate(at + 1_000_000)
    with store_of(server, ctx) as store:
        store.write("a.part", blocks_of(DATA[:700_000]), at, lambda n: None)
        assert store.size("a.part") == at + 700_000
        assert b"".join(store.read("a.part", at - 10, 100)) == bytes(10) + DATA[:90]
        assert b"".join(store.read("a.part", at + 699_990)) == DATA[699_990:700_000]


@pytest.mark.parametrize("block", [32_675, 32_676, 32_704])
def test_no_block_size_is_slow(server: Sshd, ctx: Context, block: int) -> None:
    with store_of(server, ctx) as store:
        store.open()
        began = time.monotonic()
        store.write("a.part", blocks_of(DATA, block), 0, lambda n: None)
        assert time.monotonic() - began < 8  # with Nagle's algorithm and delayed answers it is 20 s
    assert same(server, "a.part")


def test_a_resume_offset_beyond_what_is_there_makes_no_hole(server: Sshd, ctx: Context) -> None:
    (server.folder / "a.part").write_bytes(b"short")
    with store_of(server, ctx) as store, pytest.raises(Transient, match="shorter"):
        store.write("a.part", blocks_of(DATA), 1000, lambda n: None)
    assert (server.folder / "a.part").read_bytes() == b"short"


def no_room(store: Store, ctx: Context, name: str) -> JobError:
    ctx.begin("upload", len(DATA))
    with pytest.raises(JobError) as caught:
        store.write(name, blocks_of(DATA), 0, lambda n: ctx.advance(n))
    assert not isinstance(caught.value, Transient)
    return caught.value


def test_a_full_disk_says_so_at_once_and_keeps_its_place(tmp_path: Path, ctx: Context) -> None:
    """A size limit of 3 MB stands in for a quota: the server's write fails just so."""
    limit = ("sh", "-c", "trap '' XFSZ; exec prlimit --fsize=3000000 \"$@\"", "sh")
    with Sshd(tmp_path, before=limit) as server, store_of(server, ctx) as store:
        problem = no_room(store, ctx, "a.part")
        assert "3,000,000 bytes of a.part are stored" in problem.message
        assert "quota" in problem.remedy
        assert store.size("a.part") == 3_000_000
        assert ctx.done <= 3_000_000
        server.stop()
        server.before = []
        server.start()
        store.close()
        store.write("a.part", blocks_of(DATA[3_000_000:]), 3_000_000, lambda n: None)
        assert same(server, "a.part")


def test_a_write_refused_among_others_leaves_no_gap(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path) as server:
        ctx = server.password(server.known(ctx), "sftp")
        with contextlib.closing(open_store(server.url("sftp"), ctx)) as store:
            server.refuse_at = 1_000_000
            problem = no_room(store, ctx, "a.part")
            there = store.size("a.part") or 0
            assert 0 < there <= 1_000_000
            assert f"{there:,} bytes" in problem.message
            assert b"".join(store.read("a.part")) == DATA[:there]
            store.write("a.part", blocks_of(DATA[there:]), there, lambda n: None)
            assert b"".join(store.read("a.part")) == DATA


@pytest.mark.root
def test_a_disk_without_room_names_what_is_missing(server: Sshd, ctx: Context, small_disk: Path) -> None:
    with store_of(server, ctx, small_disk) as store:
        store.open()
        assert 0 < (store.free() or 0) <= 4_096_000
        problem = no_room(store, ctx, "a.part")
        stored = store.size("a.part") or 0
    assert "is full" in problem.message
    assert f"{stored:,} bytes of a.part" in problem.message
    assert "bytes more" in problem.remedy


def test_a_read_only_place(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, read_only=True) as server, store_of(server, ctx) as store:
        (server.folder / "a.img").write_bytes(DATA)
        assert b"".join(store.read("a.img")) == DATA
        for act in (
            lambda: store.write("b.img", blocks_of(DATA), 0, lambda n: None),
            lambda: store.rename("a.img", "b.img"),
            lambda: store.remove("a.img"),
        ):
            with pytest.raises(JobError, match="permission denied"):
                act()


def test_a_folder_that_is_not_there(server: Sshd, ctx: Context) -> None:
    with store_of(server, ctx, server.folder / "größe" / "x") as store:
        with pytest.raises(JobError, match=r"no .*größe/x") as caught:
            store.open()
        assert not isinstance(caught.value, Transient)
        with pytest.raises(JobError, match="no "):
            store.write("a.img", blocks_of(DATA), 0, lambda n: None)


def test_a_file_where_the_folder_should_be(server: Sshd, ctx: Context) -> None:
    (server.folder / "file").write_bytes(b"")
    with store_of(server, ctx, server.folder / "file") as store, pytest.raises(JobError):
        store.open()


def test_a_folder_where_the_file_should_be(server: Sshd, ctx: Context) -> None:
    (server.folder / "a.img").mkdir()
    with store_of(server, ctx) as store:
        with pytest.raises(JobError, match="in the way"):
            store.size("a.img")
        with pytest.raises(JobError):
            store.write("a.img", blocks_of(DATA), 0, lambda n: None)


@pytest.mark.parametrize("name", ["../a.img", "", ".", "..", "x/y", "a\0b"])
def test_a_name_that_is_none(server: Sshd, ctx: Context, name: str) -> None:
    with store_of(server, ctx) as store, pytest.raises(JobError, match="no file name"):
        store.write(name, blocks_of(DATA), 0, lambda n: None)


def test_the_logins_own_folder(server: Sshd, ctx: Context) -> None:
    home = Path(os.path.expanduser(f"~{server.user}"))  # noqa: PTH111 - sshd asks the user database, not HOME
    url = split_target(f"sftp://{server.user}@127.0.0.1:{server.port}/~/")[0]
    with contextlib.closing(open_store(url, server.known(ctx))) as store:
        store.open()
        name = f".sandhopper-test-{os.getpid()}-{server.port}"
        try:
            store.write(name, blocks_of(b"here"), 0, lambda n: None)
            assert (home / name).read_bytes() == b"here"
        finally:
            store.remove(name)


def no_sftp() -> pytest.RaisesExc[JobError]:
    return pytest.raises(JobError, match="no SFTP")


def test_a_login_without_sftp(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, sftp="/bin/false") as server, store_of(server, ctx) as store, no_sftp():
        store.open()


def test_a_greeting_printed_by_the_login_is_told(tmp_path: Path, ctx: Context) -> None:
    forced = ["ForceCommand echo Welcome to our server"]
    with Sshd(tmp_path, options=forced) as server, store_of(server, ctx) as store, no_sftp():
        store.open()


def test_cancel_ends_a_digest(server: Sshd, ctx: Context) -> None:
    with (server.folder / "a.img").open("wb") as file:
        file.truncate(400 * GIB)
    with store_of(server, ctx) as store:
        store.open()
        threading.Timer(0.7, ctx.cancel.set).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            store.digest("a.img")
        assert time.monotonic() - began < 20  # not heeded, it is many minutes
        server.stop()


def test_no_shell_is_found_out_quickly(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, only_sftp=True) as server, store_of(server, ctx) as store:
        store.write("a.img", blocks_of(DATA[:1000]), 0, lambda n: None)
        began = time.monotonic()
        assert store.digest("a.img") is None
        assert store.digest("a.img", 10) is None
        assert time.monotonic() - began < 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into sshd's processes")
def test_nothing_stays_open_at_the_server(server: Sshd, ctx: Context) -> None:
    with store_of(server, ctx) as store:
        for number in range(3):
            store.write(f"{number}.img", blocks_of(DATA[:100_000]), 0, lambda n: None)
            next(iter(store.read(f"{number}.img")))
        store.size("0.img")

        def held() -> list[str]:
            links = [link for pid in server.sessions() for link in Path(f"/proc/{pid}/fd").iterdir()]
            return [path for link in links if (path := str(link.readlink())).endswith(".img")]

        until(lambda: not held())
    until(lambda: not server.sessions())


def test_memory_stays_flat(server: Sshd, tmp_path: Path) -> None:
    big = tmp_path / "big.img"
    with big.open("wb") as file:
        file.truncate(300 << 20)
    command = [sys.executable, "-c", THERE_AND_BACK, server.url("sftp"), str(big), server.fingerprint, str(server.port)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 120, f"{done.stdout} MB"


THERE_AND_BACK = """
import sys, threading, tempfile
from pathlib import Path
from app.context import Context
from app.job import Job
from app.journal import Journal
from app.secrets import Answers
from app.stores import open_store

url, big, print_, port = sys.argv[1:]
folder = Path(tempfile.mkdtemp(dir=Path(big).parent))
answers = Answers({f"host-key ssh://127.0.0.1:{port}": print_}, use_keyring=False)
ctx = Context(Job("", "", id="x"), folder, Journal(folder / "j"), lambda e: None, threading.Event(), answers)
store = open_store(url, ctx)
local = open_store(Path(big).parent.as_uri() + "/", ctx)
store.write("big.img", local.read("big.img"), 0, lambda n: None)
assert sum(len(block) for block in store.read("big.img")) == 300 << 20
store.close()
status = Path("/proc/self/status").read_text()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.parametrize("programs", [("openssl", "sha256sum"), ("openssl",), ("sha256sum",), ("shasum",), ()])
def test_any_program_that_can_hash_will_do(tmp_path: Path, ctx: Context, programs: tuple[str, ...]) -> None:
    only = tmp_path / "bin"
    only.mkdir()
    for program in ("sh", "head", "env", *programs):
        (only / program).symlink_to(need(program))
    with Sshd(tmp_path, path=str(only)) as server, store_of(server, ctx) as store:
        (server.folder / "a.img").write_bytes(DATA)
        store.open()
        expected = hashlib.sha256(DATA).hexdigest() if programs else None
        assert store.digest("a.img") == expected
        assert store.digest("a.img", 1000) == (hashlib.sha256(DATA[:1000]).hexdigest() if programs else None)
