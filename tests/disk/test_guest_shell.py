"""Speaking to guestfish: quoting, answers, errors, a program that dies. A small program plays guestfish here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.context import Context
from app.disk import guest
from app.disk.guest.clean import locked
from app.disk.guest.files import Guest
from app.disk.guest.globs import Finder
from app.disk.guest.initramfs import present
from app.disk.guest.shell import Refused, Shell, quoted
from app.disk.guest.system import _mounts
from app.errors import Cancelled, JobError

PLAYER = r"""
import sys
for line in sys.stdin:
    word = line.split()[0] if line.split() else ""
    if word == "echo": print(line.split()[1], flush=True)
    elif word == "-fail": sys.stderr.write("*stdin*:3: libguestfs: error: rm: no such thing\n"); sys.stderr.flush()
    elif word == "-warn": sys.stderr.write("libguestfs: warning: never mind\n"); sys.stderr.flush()
    elif word == "-die": sys.exit(1)
    elif word == "-hang": __import__("time").sleep(600)
    elif word == "-flood": sys.stdout.write("x" * 80_000_000); sys.stdout.flush()
    else: print("said", line.strip(), flush=True)
"""


@pytest.fixture
def shell(tmp_path: Path, context: Callable[..., Context]) -> Iterator[Shell]:
    ctx = context()
    with (tmp_path / "errors").open("wb") as errors:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": errors}
        with ctx.program(sys.executable, "-c", PLAYER, **pipes) as process:
            yield Shell(process, tmp_path / "errors", ctx)


def test_an_answer_and_an_error(shell: Shell) -> None:
    assert shell("cat", "/etc/x") == b'said -cat "/etc/x"\n'
    with pytest.raises(Refused, match="no such thing"):
        shell("fail")
    assert shell("warn") == b""
    assert shell("cat", 3) == b'said -cat "3"\n'


@pytest.mark.parametrize(
    "name", ["a b", '"; !touch /tmp/x', "a|b", "`id`", "$HOME", "a\nb", "~root", "<x", "\udcff\udc80", "ä", "-rf"]
)
def test_no_name_means_anything(shell: Shell, name: str) -> None:
    word = quoted(name)
    assert word[0] == word[-1] == '"'
    assert not set(word[1:-1]) & set(" \n\"'!|`$<>~;&*?[]")
    assert shell("rm", name).startswith(b"said -rm")


def test_a_nul_is_no_name() -> None:
    with pytest.raises(ValueError, match="NUL"):
        quoted("a\0b")


def test_a_machine_that_dies(shell: Shell) -> None:
    with pytest.raises(Refused, match="ended by itself"):
        shell("die")
    with pytest.raises(Refused, match="ended by itself"):
        shell("cat", "x")


def test_a_machine_that_hangs(shell: Shell) -> None:
    with pytest.raises(Refused, match="does not answer"):
        shell("hang", patience=0.5)


def test_an_answer_without_an_end(shell: Shell) -> None:
    with pytest.raises(Refused, match="without an end"):
        shell("flood")


def test_the_person_stops_it(shell: Shell) -> None:
    shell.ctx.cancel.set()
    with pytest.raises(Cancelled):
        shell("hang")


def test_a_full_disk_here(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.host.free_space", lambda _folder: 1000)
    with pytest.raises(JobError, match="full"):
        shell("hang")


def test_where_libguestfs_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    guest.why_not.cache_clear()
    monkeypatch.setattr("app.host.find_tool", lambda _name: None)
    why, remedy = guest.why_not()
    guest.why_not.cache_clear()
    assert "no libguestfs" in why
    assert "apt install" in remedy


def test_where_the_kernel_may_not_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    guest.why_not.cache_clear()
    monkeypatch.setattr("app.host.find_tool", lambda _name: "/usr/bin/guestfish")
    monkeypatch.setattr("app.disk.guest.session._kernels", list)
    why, _ = guest.why_not()
    guest.why_not.cache_clear()
    assert "kernel" in why


def test_devices_that_only_seem_to_be_here() -> None:
    told = {"/dev/sda1": "ext4", "/dev/sda2": "xfs"}
    named = {"/srv/b": "/dev/vdb1", "/": "/dev/sda1", "/srv": "/dev/sda2", "/x": "/dev/sda1"}
    assert _mounts(named, told) == {"/": "/dev/sda1", "/srv": "/dev/sda2"}


def test_locked_passwords() -> None:
    before = "root:$6$a$b:1:0:9:7:::\nbin:*:1::::::\nu:!:1::::::\nv:!$6$x:1::::::\nw::1::::::\nbroken\n"
    after = "root:*:1:0:9:7:::\nbin:*:1::::::\nu:!:1::::::\nv:*:1::::::\nw::1::::::\nbroken\n"
    assert locked(before) == after


def test_modules_of_a_start_up_image() -> None:
    listing = "usr/lib/modules/6/kernel/drivers/block/virtio_blk.ko\nlib/x/virtio-pci.ko.xz\n"
    assert {"virtio_blk", "virtio_pci", "ext4"} <= present(listing, "kernel/fs/ext4/ext4.ko\n")


class Folders(Guest):
    """A guest whose folders are a table: path → names; links: path → (target, trusted)."""

    def __init__(self, folders: dict[str, list[str]], trap: str = "") -> None:
        self.folders, self.trap = folders, trap

    def names(self, folder: str) -> list[str]:
        return self.folders.get(folder, [])

    def real(self, path: str, *, strict: bool = False) -> str:
        if self.trap and path.startswith(self.trap):
            raise Refused(f"{self.trap} is a link")
        return path

    def lstat(self, path: str):
        return type("Found", (), {"is_folder": path in self.folders})()


def test_globs_are_those_of_a_shell() -> None:
    tree = {
        "/": ["home"],
        "/home": ["a", "b\nc", ".hidden"],
        "/home/a": [".ssh", "x"],
        "/home/b\nc": [".ssh"],
        "/home/a/.ssh": [],
    }
    finder = Finder(Folders(tree))
    assert [shown for shown, _ in finder.find("/home/*/.ssh")] == ["/home/a/.ssh", "/home/b\nc/.ssh"]
    assert [shown for shown, _ in finder.find("/home/*")] == ["/home/a", "/home/b\nc"]
    assert finder.find("/nowhere/*") == []
    assert [shown for shown, _ in finder.literal("/home/a/x")] == ["/home/a/x"]
    assert finder.literal("/home/*/x") == []


def test_globs_stop_at_a_trap() -> None:
    tree = {"/": ["home"], "/home": ["a"], "/home/a": [".config"], "/home/a/.config": ["gcloud"]}
    finder = Finder(Folders(tree, trap="/home/a/.config"))
    assert finder.find("/home/*/.config/gcloud") == []
    assert finder.refused
    assert finder.find("/home/*/.config") == [("/home/a/.config", "/home/a/.config")]
