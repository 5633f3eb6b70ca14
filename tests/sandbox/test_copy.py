"""The copy alone: any file system into any other, all kinds of files, and what changes meanwhile."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.sandbox import remote
from tests.sandbox.machine import HERE, need_root
from tests.servers import need

pytestmark = pytest.mark.root


class Copied:
    """What a copy has become: listings of both sides, the names that did not hold still, what was lost, the rounds."""

    def __init__(self, place: Path) -> None:
        self.source, self.copy = ({**json.loads((place / side).read_text())} for side in ("from.json", "to.json"))
        self.unsteady = (place / "unsteady").read_text().splitlines()
        self.lost = (place / "state" / "facts").read_text().splitlines()
        self.rounds = (place / "rounds").read_text().splitlines() if (place / "rounds").exists() else []


def copied(place: Path, *, types: str = "ext4 ext4", before: str = ":", during: str = ":", hide: str = "") -> Copied:
    need_root()
    types_of = types.split()
    for kind in types_of:
        need(f"mkfs.{kind}")
    program = "".join(remote.script(part) for part in ("lib", "copy"))
    program += f'\nhave() {{ case " {hide} " in *" $1 "*) false ;; *) command -v "$1" > /dev/null ;; esac; }}\n'
    program += "".join(f"{name}() {{ return 127; }}\n" for name in hide.split())
    (place / "program").write_text(program)
    scripts = [str(HERE / name) for name in ("copying.sh", "tree.py", "listing.py")]
    command = ["unshare", "-m", "sh", scripts[0], str(place), *types_of, *scripts[1:]]
    env = {**os.environ, "BEFORE": before, "DURING": during}
    done = subprocess.run(command, env=env, capture_output=True, timeout=240, check=False)
    assert not done.returncode, (done.stdout + done.stderr).decode(errors="replace")[-2000:]
    return Copied(place)


def same(listing: dict[str, Any]) -> dict[str, Any]:
    """A listing without what one file system alone shows: XFS its ACLs twice, btrfs no lost+found."""
    for fact in listing.values():
        fact["xattr"] = {name: value for name, value in fact["xattr"].items() if "SGI_ACL" not in name}
    return listing


@pytest.mark.parametrize("types", ["ext4 ext4", "xfs ext4", "btrfs ext4", "ext4 xfs", "ext4 btrfs", "xfs btrfs"])
def test_from_any_file_system_into_any_other(tmp_path: Path, types: str) -> None:
    it = copied(tmp_path, types=types)
    assert same(it.copy) == same(it.source)
    assert (it.unsteady, it.lost, it.rounds) == ([], [], [])


@pytest.mark.parametrize("hide", ["getfattr", "getfattr setfattr python3", "diff", "nproc"])
def test_with_fewer_tools(tmp_path: Path, hide: str) -> None:
    it = copied(tmp_path, hide=hide)
    assert it.copy == it.source
    assert (it.unsteady, it.lost) == ([], [])


CHANGES = {
    "grown": "echo more >> src/pkg1/mod1.py",
    "gone": "rm src/pkg1/mod1.py; rm -r odd\\ folders",
    "new": "mkdir -p new/deep/er; echo x > new/deep/er/f; ln -s /etc new/link; mkfifo new/pipe",
    "renamed": "mv src source; mv links/a links/z",
    "folder for a file": "rm data/run0.bin; mkdir data/run0.bin; echo x > data/run0.bin/in",
    "file for a folder": "rm -r src; echo x > src",
    "link for a folder": "rm -r src; mkdir other; echo x > other/pkg1; ln -s other src",
    "folder for a link": "rm links/rel; mkdir links/rel; echo x > links/rel/pkg1",
    "one more name": "ln links/a src/again; ln links/b 'odd names/again'",
    "one name less": "rm links/a",
    "linked anew": "rm links/b; cp -p links/a links/b",
    "content with its old time": "cd data; t=$(stat -c @%.9Y run1.bin); "
    "printf X | dd of=run1.bin conv=notrunc bs=1 seek=9; touch -d $t run1.bin",
    "attributes": "cd xattr; setfattr -n user.new -v 1 file; setfattr -x user.big file; setfattr -x trusted.note file; "
    "cd ..; setfattr -n user.folder -v 1 src; chmod 700 modes/setgid; chown 5:6 modes; setfacl -b acl; "
    "setfacl -b acl/file",
    "owner and capability": "chown 77 xattr/capable; chmod 4711 modes/none",
    "odd names": "for f in odd\\ names/*; do echo more >> \"$f\"; done; rm 'odd names/-rf'",
    "many": "rm -r src; mkdir src; i=0; while [ $i -lt 4000 ]; do echo $i > src/f$i; i=$((i+1)); done; "
    "echo x >> links/a",
}  # fmt: skip


def test_other_bytes_behind_a_name_of_several_lines_are_found_without_hashing_everything(tmp_path: Path) -> None:
    change = """for f in "odd names/new
line" "odd folders/new
line/f"; do t=$(stat -c @%.9Y "$f"); printf X | dd of="$f" conv=notrunc bs=1; touch -d $t "$f"; done"""
    it = copied(tmp_path, during=change, hide="by_digest")
    assert it.copy == it.source
    assert it.rounds


@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_meanwhile_is_copied_again(tmp_path: Path, what: str) -> None:
    it = copied(tmp_path, during=CHANGES[what])
    assert it.copy == it.source
    assert (it.unsteady, it.lost) == ([], [])
    assert it.rounds
