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


def copied(
    place: Path, *, types: str = "ext4 ext4", before: str = ":", during: str = ":", hide: str = "", path: str = ""
) -> Copied:
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
    env = {**os.environ, "BEFORE": before, "DURING": during, "PATH": path + os.environ["PATH"]}
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


@pytest.mark.parametrize("hide", ["getfattr", "getfattr setfattr python3", "diff", "nproc", "kernel_times"])
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


OTHER_BYTES = "printf X | dd of={0} conv=notrunc bs=1 seek=9; touch -d $t {0}"  # of the same size, with the same time


@pytest.mark.parametrize("hide", ["contents", "kernel_times"])
def test_only_what_may_have_changed_is_compared_where_change_times_tell(tmp_path: Path, hide: str) -> None:
    change = "cd data; t=$(stat -c @%.9Y run1.bin); " + OTHER_BYTES.format("run1.bin")
    it = copied(tmp_path, during=change, hide=hide)
    assert it.copy == it.source
    assert (it.unsteady, it.rounds) == ([], ["round 1"])


def test_all_is_compared_where_a_copy_goes_on(tmp_path: Path) -> None:
    change = "cp -a . ../to/place/; t=$(stat -c @%.9Y data/run1.bin); cd ../to/place; " + OTHER_BYTES.format(
        "data/run1.bin"
    )
    it = copied(tmp_path, before=change)
    assert it.copy == it.source
    assert it.rounds == ["round 1"]


def test_the_last_attribute_that_goes_meanwhile_goes_from_the_copy_too(tmp_path: Path) -> None:
    only = "rm -rf ./* ./.[!.]*; mkdir a; echo x > a/b; setfattr -n user.mine -v 1 a; sleep 3"
    it = copied(tmp_path, before=only, during="setfattr -x user.mine a")
    assert it.copy == it.source
    assert it.rounds == ["round 1"]


def test_a_list_that_could_not_be_made_is_no_proof(tmp_path: Path) -> None:
    full = tmp_path / "bin" / "sort"
    full.parent.mkdir()
    full.write_text('#!/bin/sh\ncase "$*" in -z) exit 2 ;; esac\nPATH=${PATH#*:} exec sort "$@"\n')
    full.chmod(0o755)
    with pytest.raises(AssertionError):
        copied(tmp_path, path=f"{full.parent}:")
    assert (tmp_path / "state" / "merge.problem").read_text() == "copy no list of the copy"


FAILING = """#!/bin/sh
PATH=${{PATH#*:}}
cp "$@" || exit
case "$*" in *data/run1.bin*) ;; *) exit 0 ;; esac
[ ! -e {0}/failed ] && cd {0}/to/place && : > {0}/failed || exit 0
t=$(stat -c @%.9Y data/run1.bin)
{1}
exit 1
"""


def test_all_is_compared_where_the_copying_program_failed(tmp_path: Path) -> None:
    failing = tmp_path / "bin" / "cp"
    failing.parent.mkdir()
    failing.write_text(FAILING.format(tmp_path, OTHER_BYTES.format("data/run1.bin")))
    failing.chmod(0o755)
    it = copied(tmp_path, before="sleep 3", path=f"{failing.parent}:")  # nothing has changed just now
    assert (tmp_path / "failed").exists()
    assert it.copy == it.source
    assert it.rounds == ["round 1"]


MAPPED = """import mmap, os, time
with open("data/run1.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
    memory[9] ^= 1
    open("../waits", "w").close()
    while not os.path.exists("../go"): time.sleep(.01)
    memory[9] ^= 2
open("../written", "w").close()
"""


def test_a_page_that_waits_to_be_written_and_is_changed_again_is_seen(tmp_path: Path) -> None:
    """No change time tells: since the first byte, the page was there to be written into."""
    wait = "until [ -e ../{0} ]; do sleep 0.01; done"
    before = f"python3 -c '{MAPPED}' & {wait.format('waits')}; sleep 3"  # the first change is not recent any more
    it = copied(tmp_path, before=before, during=f": > ../go; {wait.format('written')}")
    assert it.copy == it.source
    assert it.rounds == ["round 1"]


def test_a_second_change_in_the_same_second_is_seen_where_only_seconds_are_counted(tmp_path: Path) -> None:
    before = "while [ $(date +%N | cut -c 1) != 0 ]; do sleep 0.05; done; printf 0123456789 > data/run1.bin"
    change = "cd data; t=$(stat -c @%.9Y run1.bin); " + OTHER_BYTES.format("run1.bin")
    it = copied(tmp_path, types="ext3 ext4", before=before, during=change)
    assert it.copy == it.source
    assert it.rounds == ["round 1"]
