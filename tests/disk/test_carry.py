"""The script that copies a data disk into the copy and proves it, run on folders of this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.disk.guest.carry import SCRIPT
from tests.sandbox import machine as small
from tests.servers import need

pytestmark = pytest.mark.root
TREE = Path(small.__file__).with_name("tree.py")


def told(work: str, from_: Path, to: Path, time: str = "%T@") -> str:
    for program in ("bash", "gawk", "getfattr"):
        need(program)
    return subprocess.check_output(["bash", SCRIPT, work, from_, to, time], text=True).strip()


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A tree with everything that a copy may lose, and its copy."""
    from_, to = tmp_path / "from", tmp_path / "to"
    from_.mkdir()
    to.mkdir()
    subprocess.run([sys.executable, str(TREE), str(from_), "1"], check=True)
    subprocess.run(["cp", "-a", f"{from_}/.", f"{to}/"], check=True)
    return from_, to


def test_a_whole_copy_is_equal(pair: tuple[Path, Path]) -> None:
    assert told("compare", *pair) == "equal"
    size, files = (int(word) for word in told("measure", *pair).split())
    assert 4 << 20 < size < 30 << 20  # the holes of the sparse file are not counted
    assert files == sum(len(folders) + len(names) for _, folders, names in os.walk(pair[0])) + 1


def later(path: Path) -> None:
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 1))


def unlinked(path: Path) -> None:
    data, found = path.read_bytes(), path.stat()
    path.unlink()
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def other(path: Path) -> None:
    """One bit is another, and everything else is the same."""
    data, found = bytearray(path.read_bytes()), path.stat()
    data[-1] ^= 1
    path.write_bytes(data)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


def led(path: Path) -> None:
    found = path.lstat()
    path.unlink()
    path.symlink_to("../other")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)


def remade(path: Path) -> None:
    found = path.stat()
    path.unlink()
    os.mknod(path, found.st_mode, os.makedev(1, 5))
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


@pytest.mark.parametrize(
    ("name", "harm"),
    [
        ("src/pkg0/mod0.py", lambda path: path.chmod(0o600)),
        ("src/pkg0", lambda path: path.chmod(0o700)),
        ("src/pkg1/mod1.py", lambda path: os.chown(path, 5, 1000)),
        ("times/old", later),
        ("data/run0.bin", other),
        ("data/sparse.img", other),
        ("links/rel", led),
        ("links/b", unlinked),
        ("special/null", remade),
        ("special/socket", Path.unlink),
        ("xattr/file", lambda path: os.setxattr(path, "user.origin", b"else")),
        ("xattr/capable", lambda path: os.removexattr(path, "security.capability")),
        ("acl", lambda path: os.removexattr(path, "system.posix_acl_default")),
        ("odd names/new\nline", Path.unlink),
        ("empty/folder", Path.rmdir),
        ("empty/file", lambda path: path.with_name("one more").touch()),
    ],
)
def test_every_kind_of_difference_is_found(pair: tuple[Path, Path], name: str, harm: Callable[[Path], object]) -> None:
    folder = (pair[1] / name).parent
    before = folder.stat()
    harm(pair[1] / name)
    os.utime(folder, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert told("compare", *pair) != "equal"


def test_names_that_differ_are_told(pair: tuple[Path, Path]) -> None:
    (pair[1] / "src/pkg0/mod0.py").chmod(0o600)
    assert told("compare", *pair) == "src/pkg0/mod0.py"


def test_whole_seconds_are_enough_where_no_more_is_kept(pair: tuple[Path, Path]) -> None:
    old = pair[1] / "times/old"
    os.utime(old, ns=(1, old.stat().st_mtime_ns // 10**9 * 10**9))
    assert told("compare", *pair) == "times/old"
    assert told("compare", *pair, "%Ts") == "equal"


def test_what_cannot_be_read_is_never_equal(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    assert told("compare", tmp_path / "there", tmp_path / "gone") != "equal"
    assert told("compare", tmp_path / "gone", tmp_path / "gone too") != "equal"
    shutil.rmtree(tmp_path / "there")
