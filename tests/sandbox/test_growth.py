"""How much bigger a copy gets for the data that is put into it, and what cannot be done, said before anything is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.context import Finding
from app.disk import guest
from app.disk.guest import session
from app.job import Include
from app.sandbox import growth
from app.sandbox.disks import Disk
from app.sandbox.findings import for_job
from app.sandbox.look import Look, Root, Seen
from app.sandbox.mounts import Mount

GIB, TIB = 1 << 30, 1 << 40
DATA = Mount("/data", "/dev/vdb", "ext4", 30 * GIB, 9 * GIB, 1000)
ROOT = Root("ext4", ("partition 1",), "gpt", 1, ((1, 900), (14, 40), (15, 300)))
LOOK = Look(
    "Debian", "6", "x", (DATA,), root_free=GIB, root=ROOT,
    disks=(Disk("/", "/dev/vda1", "ext4", ("vda",), 10 * GIB, kind="ext4"),
           Disk("/data", "/dev/vdb", "ext4", ("vdb",), 30 * GIB, uuid="u", kind="ext4")),
)  # fmt: skip
GROW = (Include("/data", "grow"),)


def told(look: Look, *include: str, here: tuple[str, str] = ("", "")) -> list[Finding]:
    return list(for_job(look, [Include.parse(text) for text in include], "me", here))


def stops(look: Look, *include: str, here: tuple[str, str] = ("", "")) -> list[str]:
    return [finding.title for finding in told(look, *include, here=here) if finding.grade == "stop"]


@given(st.integers(1, 8 * TIB), st.integers(0, 8 * TIB), st.integers(0, 10**7))
def test_the_disk_gets_whole_gib_and_never_too_few(disk: int, used: int, files: int) -> None:
    more = growth.need([Mount("/data", "/dev/vdb", "ext4", used, used, files)])
    size = growth.bigger(disk, more)
    assert size % GIB == 0
    assert disk + used * 1.1 + files * growth.BLOCK <= size
    assert size < disk + used * 1.1 + files * growth.BLOCK + growth.SPARE + GIB + 1


def test_nothing_to_put_in_needs_nothing() -> None:
    assert growth.need([]) == 0


def test_it_is_a_way_out_where_the_merge_does_not_fit() -> None:
    (short,) = (finding for finding in told(LOOK, "/data=merge") if finding.grade == "stop")
    assert "short" in short.title
    assert "put a data disk into the copy, whose system disk is made bigger (MOUNT=grow)" in short.remedy
    assert short.facts["short"] > 8 * GIB
    assert stops(LOOK, "/data=grow") == []
    (good,) = (finding for finding in told(LOOK, "/data=grow") if finding.topic == "grow")
    assert good.facts == {"mounts": ["/data"], "more": growth.need([DATA]), "from": 10 * GIB, "to": 21 * GIB}
    assert "from 10.7 GB to 22.5 GB" in good.title


def test_the_size_of_the_copys_system_disk() -> None:
    assert growth.system_size(LOOK, GROW) == 21 * GIB
    assert growth.system_size(LOOK, [Include("/data", "disk")]) == 0
    assert growth.system_size(replace(LOOK, disks=()), GROW) == 0


def test_it_is_a_way_out_where_there_are_too_many_files() -> None:
    few = replace(LOOK, root_free=100 * GIB, root_free_inodes=500)
    (stop,) = (finding for finding in told(few, "/data=merge") if finding.grade == "stop")
    assert "MOUNT=grow" in stop.remedy


@pytest.mark.parametrize(
    ("root", "why"),
    [
        (replace(ROOT, parts=((1, 900), (2, 901))), "partition 2 lies behind its own, which is number 1"),
        (replace(ROOT, fstype="zfs"), "its file system is zfs"),
        (replace(ROOT, layers=("md raid1", "partition 1")), "it lies on a software RAID"),
        (replace(ROOT, layers=("CRYPT-LUKS2-1 root", "partition 1")), "it lies on encryption"),
        (replace(ROOT, layers=("LVM-1 vg-root", "CRYPT-LUKS2-1 pv", "partition 1")), "it lies on encryption"),
        (replace(ROOT, layers=(), number=0), "it lies on no partition"),
    ],
)
def test_a_root_that_cannot_grow_is_refused_beforehand(root: Root, why: str) -> None:
    (stop,) = stops(replace(LOOK, root=root), "/data=grow")
    assert stop == f"/data cannot be put into the copy: the system disk cannot be made bigger: {why}."


@pytest.mark.parametrize(
    "root",
    [
        replace(ROOT, layers=("LVM-1 vg-root", "partition 1"), parts=((1, 900), (2, 901))),
        replace(ROOT, fstype="xfs"),
        replace(ROOT, table="mbr", number=5, parts=((1, 10), (2, 12), (5, 900))),  # logical, in number 2
        Root(),  # not told
    ],
)
def test_a_root_that_can_grow_is_not_refused(root: Root) -> None:
    assert stops(replace(LOOK, root=root), "/data=grow") == []


def test_an_mbr_table_ends_at_two_tib() -> None:
    mbr = replace(LOOK, root=replace(ROOT, table="mbr"))
    assert stops(mbr, "/data=grow") == []
    big = replace(mbr, mounts=(replace(DATA, used=2 * TIB),))
    (stop,) = stops(big, "/data=grow")
    assert "its partition table (MBR) ends at 2.2 TB" in stop
    assert stops(replace(big, root=ROOT), "/data=grow") == []


@pytest.mark.parametrize(
    ("disk", "why"),
    [
        ({"kind": "crypto_LUKS"}, "it is encrypted"),
        ({"kind": "linux_raid_member"}, "it is a software RAID"),
        ({"names": ("vdb", "vdc")}, "it is spread over several disks (vdb, vdc)"),
        ({"file": "/disk.img"}, "it lies in the file /disk.img, not on a disk"),
        ({"names": ("vda",)}, "it lies on the system disk"),
    ],
)
def test_data_that_cannot_be_fetched_or_opened_is_refused_beforehand(disk: dict[str, object], why: str) -> None:
    odd = replace(LOOK, disks=(LOOK.disks[0], replace(LOOK.disks[1], **disk)))  # type: ignore[arg-type]
    assert stops(odd, "/data=grow") == [f"/data cannot be put into the copy: {why}."]


def test_what_is_no_data_disk_is_refused() -> None:
    (stop,) = (finding for finding in told(LOOK, "/nowhere=grow") if finding.grade == "stop")
    assert stop.title == "/nowhere cannot be put into the copy: it is no data disk of the sandbox."
    assert stop.remedy == "Do not ask for /nowhere."


def test_without_libguestfs_here_it_is_refused_with_what_to_do() -> None:
    found = [f for f in told(LOOK, "/data=grow", here=("No libguestfs.", "Install it.")) if f.grade == "stop"]
    assert found[0].text == "No libguestfs."
    assert found[0].remedy.startswith("Install it. Or: Merge it")
    assert stops(LOOK, "/data=merge", here=("No libguestfs.", "")) != []  # it is the room there, and nothing of this


def test_an_xfs_root_wants_programs_that_some_systems_pack_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    xfs = replace(LOOK, root=replace(ROOT, fstype="xfs"))
    monkeypatch.setattr(guest, "why_not", lambda: ("", ""))
    monkeypatch.setattr(session, "_packages", lambda: frozenset({"acl", "btrfs-progs"}))
    assert growth.here(xfs)[1] == "Run: sudo apt install libguestfs-xfs"
    assert growth.here(LOOK) == ("", "")
    for known in ({"acl", "xfsprogs"}, set()):
        monkeypatch.setattr(session, "_packages", lambda known=known: frozenset(known))
        assert growth.here(xfs) == ("", "")
    monkeypatch.setattr(guest, "why_not", lambda: ("No libguestfs.", "Install it."))
    assert growth.here(xfs)[0] == "No libguestfs."


def test_it_must_lie_in_something_that_comes_along_in_the_system_disk() -> None:
    inner = Mount("/data/inner", "/dev/vdc", "ext4", GIB, GIB // 2, 5)
    look = replace(
        LOOK,
        root_free=90 * GIB,
        mounts=(DATA, inner),
        disks=(*LOOK.disks, Disk("/data/inner", "/dev/vdc", "ext4", ("vdc",), GIB, uuid="v")),
    )
    assert stops(look, "/data=grow", "/data/inner=grow") == []
    assert stops(look, "/data=merge", "/data/inner=grow") == []
    for outer in ("leave", "disk"):
        (stop,) = stops(look, f"/data={outer}", "/data/inner=grow")
        assert "lies inside /data" in stop
    assert any("not merged" in stop for stop in stops(look, "/data=grow", "/data/inner=merge"))


def test_one_disk_cannot_be_put_in_and_be_exported_as_well() -> None:
    home = Mount("/home", "/dev/vdb2", "ext4", GIB, GIB // 2, 5)
    look = replace(
        LOOK, mounts=(DATA, home), disks=(*LOOK.disks, Disk("/home", "/dev/vdb2", "ext4", ("vdb",), GIB, uuid="v"))
    )
    (stop,) = stops(look, "/data=grow", "/home=disk")
    assert "lies on one disk with /home" in stop
    assert stops(look, "/data=grow", "/home=grow") == []


def test_files_hidden_below_the_mount_point_are_named_as_missing() -> None:
    (care,) = (f for f in told(replace(LOOK, mounts=(replace(DATA, hidden=True),)), "/data=grow") if f.grade == "care")
    assert "hidden" in care.title
    assert "the sandbox still has them" in care.text


def test_the_answer_of_the_look_says_what_the_root_lies_on() -> None:
    info = b"21 1 253:1 / / rw - ext4 /dev/vda1 rw\n22 21 253:2 / /boot rw - xfs /dev/vda2 rw\n"
    told = b"name vda\ngpt\nbios-boot\npartition 1 2048\npartition 2 999\nGRUB\n"
    seen = Seen({"mountinfo": info, "below_root": b"LVM-1 vg-root\npartition 2\n", "root_disk": told})
    assert seen.root == Root("ext4", ("LVM-1 vg-root", "partition 2"), "gpt", 2, ((1, 2048), (2, 999)))
    assert seen.root.end == 999
    assert Seen({}).root == Root()
