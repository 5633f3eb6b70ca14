"""What a folder of this computer may do to an export: fill up, be read-only, be unplugged, be FAT."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context
from app.errors import Cancelled, JobError, Transient
from app.stores import open_store
from app.stores.local import Local
from tests.servers import blocks_of

Make = Callable[..., Context]
DATA = os.urandom(6_000_000)


def store_of(folder: Path, ctx: Context) -> Local:
    made = open_store(folder.as_uri() + "/", ctx)
    assert isinstance(made, Local)
    return made


def refused(store: Local, name: str = "a.img") -> JobError:
    with pytest.raises(JobError) as caught:
        store.write(name, blocks_of(DATA), 0, lambda n: None)
    return caught.value


@pytest.mark.root
def test_a_full_disk_says_how_much_more_is_needed(small_disk: Path, ctx: Context) -> None:
    store = store_of(small_disk, ctx)
    ctx.begin("copy", len(DATA))
    with pytest.raises(JobError, match="is full") as caught:
        store.write("a.part", blocks_of(DATA), 0, ctx.advance)
    stored = store.size("a.part") or 0
    assert 2_000_000 < stored < len(DATA)
    assert f"{stored:,} bytes" in caught.value.message
    needed = int("".join(c for c in caught.value.remedy if c.isdigit()))
    assert len(DATA) - stored - (1 << 18) <= needed <= len(DATA) - stored + (1 << 18)
    assert (small_disk / "a.part").read_bytes() == DATA[:stored]


def test_a_limit_of_the_system(tmp_path: Path, ctx: Context) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        problem = refused(store_of(tmp_path, ctx))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "1,000,000 bytes" in problem.message
    assert (tmp_path / "a.img").read_bytes() == DATA[:1_000_000]


def test_a_fat_disk_is_named(tmp_path: Path, ctx: Context) -> None:
    """The kernel's own limit stands in for FAT32's: the same errno at the same length."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with (tmp_path / "a.img").open("wb") as file:
        file.truncate((1 << 32) - 100_000)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((1 << 32) - 1, before[1]))
    try:
        with pytest.raises(JobError, match="4 GiB") as caught:
            store_of(tmp_path, ctx).write("a.img", blocks_of(DATA), (1 << 32) - 100_000, lambda n: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "FAT32" in caught.value.message
    assert "exFAT" in caught.value.remedy


def test_a_folder_that_is_not_there(tmp_path: Path, ctx: Context) -> None:
    store = store_of(tmp_path / "usb", ctx)
    for act in (store.open, lambda: refused(store), lambda: store.size("a.img")):
        try:
            problem = act()
        except JobError as exc:
            problem = exc
        assert isinstance(problem, JobError)
        assert "usb" in problem.message
        assert not isinstance(problem, Transient)


@pytest.mark.parametrize("kind", ["folder", "link", "dangling"])
def test_something_in_the_way(tmp_path: Path, ctx: Context, kind: str) -> None:
    precious = tmp_path / "precious"
    if kind == "folder":
        (tmp_path / "a.img").mkdir()
    else:
        (tmp_path / "a.img").symlink_to(precious)
        if kind == "link":
            precious.write_bytes(b"precious")
    problem = refused(store_of(tmp_path, ctx))
    assert "in the way" in problem.message
    assert not precious.exists() or precious.read_bytes() == b"precious"


def test_a_file_where_the_folder_should_be(tmp_path: Path, ctx: Context) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(JobError, match="in the way"):
        store_of(tmp_path / "file", ctx).open()


def test_a_folder_that_nobody_may_write_to(tmp_path: Path, ctx: Context) -> None:
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o555)
    if os.geteuid() == 0:
        folder = Path("/sys")  # root may write wherever a mode forbids it, but not here
    problem = refused(store_of(folder, ctx))
    assert "not yours" in problem.message or "read-only" in problem.message


@pytest.mark.parametrize("name", ["../a", "", ".", "..", "x/y", "a\0b"])
def test_a_name_that_is_none(tmp_path: Path, ctx: Context, name: str) -> None:
    assert "no file name" in refused(store_of(tmp_path, ctx), name).message


def test_a_name_too_long(tmp_path: Path, ctx: Context) -> None:
    assert "too long" in refused(store_of(tmp_path, ctx), "a" * 300).message


def test_cancel_ends_a_read(tmp_path: Path, ctx: Context) -> None:
    (tmp_path / "a.img").write_bytes(DATA)
    blocks = store_of(tmp_path, ctx).read("a.img")
    next(blocks)
    ctx.cancel.set()
    with pytest.raises(Cancelled):
        next(blocks)


def test_an_awkward_folder(tmp_path: Path, ctx: Context) -> None:
    folder = tmp_path / "größe 100% #1?"
    folder.mkdir()
    store = store_of(folder, ctx)
    store.write("a.img", blocks_of(DATA), 0, lambda n: None)
    assert (folder / "a.img").read_bytes() == DATA
