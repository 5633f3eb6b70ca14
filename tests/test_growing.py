"""Putting data into a bigger copy: what is decided without opening a disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from app import growing, host, words
from app.context import Context
from app.disk import guest, image, overlay, qemu_img
from app.disk.guest import bigger, carry, inside
from app.disk.guest.bigger import Part
from app.errors import JobError, Usage
from app.fixes import FIXES
from app.job import Include, Job, dumps, loads
from app.journal import State
from app.sandbox import given
from app.sandbox.disks import Disk
from app.steps import adapt, image_facts, steps_of

GIB = 1 << 30
SSH = "ssh://root@127.0.0.1:9"
Make = Callable[..., Context]


def job(*include: str, **wishes: Any) -> Job:
    made = tuple(Include.parse(text) for text in include or ["/data=grow"])
    return Job(SSH, "file:///y/", id="j1", include=made, **wishes)


def test_a_job_file_keeps_it() -> None:
    wish = job("/data=grow", "/home=disk", "/scratch=leave")
    assert loads(dumps(wish)) == wish
    assert (wish.grows, wish.own_disks, wish.merges) == (("/data",), ("/home",), ())
    assert wish.problems() == []
    assert "into itself" in " ".join(job("/=grow").problems())
    with pytest.raises(Usage, match="sandbox's address"):
        Job("file:///x", "file:///y/", id="j", include=(Include("/data", "grow"),)).checked()


def test_the_sandbox_is_not_touched_for_it() -> None:
    told = words.plan(job())
    assert "Make the copy's system disk bigger, put /data into it, and compare every file." in told
    assert not any("sandbox" in line for line in told)
    names = [step.name for step in steps_of(job(unfixed=tuple(FIXES)))]
    assert not {"prepare", "restore"} & {*names}
    assert "adapt" in names  # even where every repair was declined


def test_its_disk_is_asked_for_like_one_that_is_exported() -> None:
    known = [Disk("/", "/dev/vda1", names=("vda",)), Disk("/data", "/dev/vdb1", names=("vdb",)),
             Disk("/more", "/dev/vdb2", names=("vdb",)), Disk("/home", "/dev/vdc", names=("vdc",))]  # fmt: skip
    state = State({"checkup": "done"}, {"checkup": {"disks": [disk.as_json() for disk in known]}})
    wish = job("/more=grow", "/data=grow", "/home=disk")
    assert [disk.mount for disk in given.needed(wish, state)] == ["/", "/data", "/home"]
    assert [disk.mount for disk in given.needed(wish, State({}, {}))] == ["/", "/data", "/home", "/more"]


def test_what_was_put_in_does_not_go_on_by_itself() -> None:
    disks = [{"mount": "/data", "path": "/d"}, {"mount": "/home", "path": "/h"}]
    over = {"path": "/o", "format": "qcow2", "size": 1, "virtual_size": 9, "own": True, "stamp": [1], "below": "/f"}
    over |= {"below_format": "raw", "below_stamp": [2], "changes": [], "put_in": ["/data"]}
    state = State(
        {"fetch": "done", "adapt": "done"}, {"fetch": {"path": "/f", "sha256": "x", "disks": disks}, "adapt": over}
    )
    facts = image_facts(state)
    assert facts["disks"] == [disks[1]]
    assert (facts["path"], facts["virtual_size"]) == ("/o", 9)


def test_without_libguestfs_it_stops_before_anything_is_done(context: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guest, "why_not", lambda: ("No libguestfs.", "Install it."))
    (stop,) = adapt.STEP.check(context(job=job()))
    assert (stop.grade, stop.remedy) == ("stop", "Install it.")
    with pytest.raises(JobError, match="/data cannot be put into the copy"):
        adapt.STEP.run(context(job=job(), facts={"fetch": {"path": "/nowhere", "format": "raw"}}))


def test_a_disk_that_was_not_seen_or_has_changed_stops_it(
    context: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guest, "why_not", lambda: ("", ""))
    data = tmp_path / "data.raw"
    data.write_bytes(bytes(1 << 20))
    (tmp_path / "os.raw").write_bytes(
        bytes(440) + bytes(6) + b"\x80\0\0\0\x83\0\0\0\1\0\0\0\1\0\0\0" + bytes(48) + b"U\xaa"
    )
    there = {"mount": "/data", "path": str(data), "format": "raw", "stamp": [5, 1 << 20, 1]}
    fetch = {"path": str(tmp_path / "os.raw"), "format": "raw", "disks": [there]}
    with pytest.raises(JobError, match="was not seen"):
        adapt.STEP.run(context(job=job(), facts={"fetch": fetch}))
    seen = {"disks": [Disk("/data", "/dev/vdb", names=("vdb",)).as_json()]}
    with pytest.raises(JobError, match=r"data\.raw was changed"):
        adapt.STEP.run(context(job=job(), facts={"fetch": fetch, "checkup": seen}))


def test_partitions_inside_of_the_folder_stay_closed_while_it_is_emptied(tmp_path: Path) -> None:
    told = "/: /dev/sda1\n/data: /dev/sdb\n/data/scratch: /dev/sda3\n/database: /dev/sda4\n"
    with machine(tmp_path, inspect_get_mountpoints=told) as (disk, _):
        assert growing._inner(disk, bigger.Root("/dev/sda1", "ext4"), ["/data"]) == {"/dev/sdb", "/dev/sda3"}


def test_what_is_put_in_is_a_folder_of_the_copy_and_waits_for_no_disk(context: Make) -> None:
    known = [Disk("/data", "/dev/vdb1", names=("vdb",)), Disk("/home", "/dev/vdc", names=("vdc",), uuid="u")]
    facts = {"checkup": {"disks": [disk.as_json() for disk in known]}}
    assert adapt.plan_for(context(job=job("/data=grow", "/home=disk"), facts=facts)).along == {"/home": "u"}


def wish(more: int) -> growing.Wish:
    return growing.Wish("j1", [carry.Load("/data", "u")], [], more)


def system(tmp_path: Path, ctx: Context) -> image.Info:
    disk = tmp_path / "system.raw"
    with disk.open("wb") as file:
        file.truncate(3 * GIB)
    return image.inspect(disk, ctx)


def test_a_disk_that_proves_too_small_is_made_anew_and_bigger(
    context: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def put_together(path: Path, *_: object) -> list[guest.Change]:
        sizes.append(size_of(path, ctx))
        if len(sizes) < 3:
            raise carry.TooSmallError(5 * GIB)
        return []

    ctx = context()
    monkeypatch.setattr(growing, "_put_together", put_together)
    monkeypatch.setattr(host, "free_space", lambda _: 100 * GIB)
    size, changes = growing.grow(tmp_path / "over.qcow2", system(tmp_path, ctx), wish(GIB), ctx)
    assert sizes[0] == 4 * GIB
    assert sizes[1] >= 9 * GIB
    assert sizes[2] >= 14 * GIB
    assert size == sizes[2]
    assert [change.fix for change in changes] == ["grow"]
    sizes.clear()
    monkeypatch.setattr(growing, "TRIES", 2)
    with pytest.raises(JobError, match="still too small"):
        growing.grow(tmp_path / "over.qcow2", system(tmp_path, ctx), wish(GIB), ctx)


def size_of(path: Path, ctx: Context) -> int:
    return int(qemu_img.ask(ctx, "info", path, "qcow2")["virtual-size"])


def test_the_overlay_is_seen_with_its_own_size(context: Make, tmp_path: Path) -> None:
    ctx = context()
    below = system(tmp_path, ctx)
    overlay.create(tmp_path / "over.qcow2", below, ctx, 5 * GIB)
    assert overlay.opened(tmp_path / "over.qcow2", below.path, "raw", ctx, 5 * GIB).virtual_size == 5 * GIB
    assert overlay.opened(tmp_path / "over.qcow2", below.path, "raw", ctx).virtual_size == 3 * GIB


def test_room_on_this_computer_is_asked_for_before_anything_is_written(
    context: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = context()
    below = system(tmp_path, ctx)
    monkeypatch.setattr(host, "free_space", lambda _: GIB)
    with pytest.raises(JobError, match=r"takes up to 1\.1 GB") as caught:
        growing.grow(tmp_path / "over.qcow2", below, wish(GIB), ctx)
    assert caught.value.topic == "space"
    assert not (tmp_path / "over.qcow2").exists()


@pytest.mark.parametrize(
    ("total", "table", "last"),
    [
        (2097152, "gpt", 2095103),  # 1 GiB: the second table needs the last MiB
        (2097152, "msdos", 2097151),
        (1 << 33, "msdos", (1 << 32) - 1),  # 4 TiB: an MBR counts to 2 TiB
        (1 << 33, "gpt", (1 << 33) - 2049),
    ],
)
def test_where_the_last_partition_may_end(total: int, table: str, last: int) -> None:
    assert bigger.last_sector(total, table) == last


def test_the_partition_that_ends_last_need_not_have_the_highest_number() -> None:
    cloud = [Part(1, 227328, 4194270), Part(14, 2048, 10239), Part(15, 10240, 227327)]
    assert bigger.extent(cloud, "gpt").number == 1
    nested = [Part(1, 2048, 4095), Part(2, 4096, 9999), Part(5, 6144, 9999)]
    assert bigger.extent(nested, "msdos", 2).number == 5


class Said:
    """A machine of libguestfs that knows only what it is told to answer, and notes what it is asked."""

    def __init__(self, **answers: str) -> None:
        self.answers = {name.replace("_", "-"): answer for name, answer in answers.items()}
        self.asked: list[str] = []

    def __call__(self, command: str, *args: object, **_: object) -> bytes:
        self.asked.append(" ".join([command, *(str(arg) for arg in args)]))
        return self.answers.get(self.asked[-1].replace("_", "-"), self.answers.get(command, "")).encode()


@contextmanager
def machine(tmp_path: Path, **answers: str) -> Iterator[tuple[guest.Guest, list[str]]]:
    said = Said(**answers)
    yield guest.Guest(said, tmp_path), said.asked  # type: ignore[arg-type]


LIST = """[0] = {
  part_num: 1
  part_start: 1048576
  part_end: 20971519
  part_size: 19922944
}
[1] = {
  part_num: 2
  part_start: 20971520
  part_end: 31457279
  part_size: 10485760
}
"""


def test_a_root_in_the_middle_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    answers = {"part_get_parttype": "msdos", "part_list": LIST, "part_get_mbr_part_type": "primary"}
    with machine(tmp_path, **answers) as (disk, asked), pytest.raises(JobError, match="number 2 is the last") as caught:
        bigger.make_room(disk, bigger.Root("/dev/sda1", "ext4"))
    assert "disk" in caught.value.remedy
    assert {line.split()[0] for line in asked} == {"lvs", "part-get-parttype", "part-list", "part-get-mbr-part-type"}


def test_the_last_partition_grows_to_the_end(tmp_path: Path) -> None:
    answers = {"part_get_parttype": "gpt", "part_list": LIST, "blockdev_getsz": "2097152"}
    with machine(tmp_path, **answers) as (disk, asked):
        bigger.make_room(disk, bigger.Root("/dev/sda2", "ext4"))
    assert asked[-3:] == ["part-resize /dev/sda 2 2095103", "e2fsck-f /dev/sda2", "resize2fs /dev/sda2"]
    assert asked.index("part-expand-gpt /dev/sda") < asked.index("part-list /dev/sda")


@pytest.mark.parametrize(
    ("place", "device"),
    [
        ("/dev/sda1", "/dev/sda1"),
        ("/dev/vg/root", "/dev/vg/root"),
        ("btrfsvol:/dev/sda2/@/.snapshots/1", "/dev/sda2"),
        ("btrfsvol:/dev/vg/root/@", "/dev/vg/root"),
    ],
)
def test_what_a_root_lies_on(place: str, device: str) -> None:
    assert bigger.Root(place, "btrfs").device == device


@pytest.mark.parametrize(
    ("kind", "roots", "why"),
    [
        ("jfs", "/dev/sda1", "file system is jfs"),
        ("ext4", "", "no system"),
        ("ext4", "/dev/sda1\n/dev/sda2", "2 systems"),
    ],
)
def test_which_root_cannot_be_made_bigger(tmp_path: Path, kind: str, roots: str, why: str) -> None:
    answers = {"list_filesystems": f"/dev/sda1: {kind}\n/dev/sdb: ext4\n", "inspect_os": roots}
    with machine(tmp_path, **answers) as (disk, _), pytest.raises(JobError, match=why):
        bigger.find_root(disk, disk.table("list-filesystems"))


def test_a_system_on_a_data_disk_is_none_of_the_copys(tmp_path: Path) -> None:
    answers = {"list_filesystems": "/dev/sda1: ext4\n/dev/sdb1: ext4\n", "inspect_os": "/dev/sda1\n/dev/sdb1"}
    with machine(tmp_path, **answers) as (disk, _):
        assert bigger.find_root(disk, disk.table("list-filesystems")) == bigger.Root("/dev/sda1", "ext4")


def test_without_xfsprogs_in_libguestfs_what_to_install_is_said(tmp_path: Path) -> None:
    answers = {"list_filesystems": "/dev/sda1: xfs\n", "inspect_os": "/dev/sda1", "feature_available": "false"}
    with machine(tmp_path, **answers) as (disk, _), pytest.raises(JobError) as caught:
        bigger.find_root(disk, disk.table("list-filesystems"))
    assert "libguestfs-xfs" in caught.value.remedy


def test_the_file_system_is_found_by_its_uuid_and_on_no_other_disk(tmp_path: Path) -> None:
    answers = {"list_filesystems": "/dev/sda1: ext4\n/dev/sdb1: ext4\n/dev/sdb2: xfs\n/dev/sdc: xfs\n",
               "vfs-uuid /dev/sda1": "AB", "vfs-uuid /dev/sdb1": "ab", "vfs-uuid /dev/sdb2": "cd"}  # fmt: skip
    with machine(tmp_path, **answers) as (disk, _):
        assert carry.find(disk, carry.Load("/data", "AB"), disk.table("list-filesystems")) == "/dev/sdb1"
        with pytest.raises(JobError, match="no file systems"):
            carry.find(disk, carry.Load("/data", "ef"), disk.table("list-filesystems"))
        with pytest.raises(JobError, match="2 file systems"):
            carry.find(disk, carry.Load("/data", kind="xfs"), disk.table("list-filesystems"))
        assert carry.find(disk, carry.Load("/data", kind="ext4"), disk.table("list-filesystems")) == "/dev/sdb1"


def test_a_volume_is_found_by_the_name_that_the_sandbox_has_for_it(tmp_path: Path) -> None:
    answers = {"list_filesystems": "/dev/sda1: ext4\n/dev/my-vg/lv: ext4\n", "lvs": "/dev/my-vg/lv",
               "vgpvuuids": "a-b", "pvs": "/dev/sdb", "pvuuid": "ab"}  # fmt: skip
    with machine(tmp_path, **answers) as (disk, _):
        assert (
            carry.find(disk, carry.Load("/data", volume="/dev/mapper/my--vg-lv"), disk.table("list-filesystems"))
            == "/dev/my-vg/lv"
        )
        with pytest.raises(JobError, match="no file systems"):
            carry.find(disk, carry.Load("/data", volume="/dev/mapper/other"), disk.table("list-filesystems"))


FSTAB = """UUID=1 / ext4 defaults 0 1
UUID=2 /data ext4 defaults 0 2
UUID=2 /again/ ext4 ro 0 2
/data/x /bound none bind 0 0
UUID=3 /other ext4 defaults 0 2
"""


def test_a_second_place_of_the_data_shows_its_folder_in_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"/etc/fstab": FSTAB}
    monkeypatch.setattr(guest.Guest, "read", lambda _, path: files.get(path, "").encode())
    monkeypatch.setattr(guest.Guest, "write", lambda _, path, text: files.update({path: text}))
    monkeypatch.setattr(guest.Guest, "names", lambda *_: [])
    monkeypatch.setattr(guest.Guest, "real", lambda _, path: path.rstrip("/") or "/")
    asked = growing.Wish("j1", [carry.Load("/data", "2")], [], 0, {"/again": "/data", "/bound": "/data", "/x": "/y"})
    with machine(tmp_path) as (disk, _):
        (change,) = growing._unmounted(disk, asked)
    lines = files["/etc/fstab"].splitlines()
    mark = "#sandhopper-j1-grow# "
    assert lines[:5] == [
        "UUID=1 / ext4 defaults 0 1",
        f"{mark}UUID=2 /data ext4 defaults 0 2",
        f"{mark}UUID=2 /again/ ext4 ro 0 2",
        "/data/x /bound none bind 0 0",
        "UUID=3 /other ext4 defaults 0 2",
    ]
    assert lines[5:] == [f"{mark}begin", "/data /again/ none bind,ro 0 0", f"{mark}end"]
    assert change.fix == "grow"


def test_an_encrypted_data_disk_is_told_as_one(tmp_path: Path) -> None:
    answers = {"list_filesystems": "/dev/sda1: ext4\n/dev/sdb: crypto_LUKS\n"}
    with machine(tmp_path, **answers) as (disk, _), pytest.raises(JobError, match="is encrypted"):
        carry.find(disk, carry.Load("/data", "ab"), disk.table("list-filesystems"))


@pytest.mark.parametrize(
    ("size", "files", "free", "short"),
    [
        (50, 0, 100, 0),
        (90 * 4096, 10, 100, 0),
        (90 * 4096, 11, 100, 4096),
        (1, 30, 100, 4096 * 1000 * 10 // 200),  # room for 20 files of 200, on a disk of 1000 blocks
    ],
)
def test_the_room_is_weighed_before_the_copy(tmp_path: Path, size: int, files: int, free: int, short: int) -> None:
    told = f"bsize: 4096\nblocks: 1000\nbavail: {free}\nfiles: 200\nfavail: 20\n"
    with machine(tmp_path, statvfs=told) as (disk, _):
        if not short:
            carry._check_room(disk, "/data", size, files)
            return
        with pytest.raises(carry.TooSmallError) as caught:
            carry._check_room(disk, "/data", size, files)
    assert caught.value.short == short


@pytest.mark.parametrize(
    ("said", "kind", "match"),
    [
        ("debug: cp: error writing 'x': No space left on device", carry.TooSmallError, "still too small"),
        (
            "debug: cp: error reading 'x': Input/output error",
            JobError,
            "/data could not be copied: .*error reading 'x'",
        ),
    ],
)
def test_a_copy_that_fails_says_why_or_gets_more_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, kind: type[JobError], match: str
) -> None:
    def fails(*_: object) -> str:
        raise guest.Refused(said)

    monkeypatch.setattr(inside, "run", fails)
    with machine(tmp_path) as (disk, _), pytest.raises(JobError, match=match) as caught:
        carry._copy(disk, "/data", carry.Load("/data"), 100, lambda: None)
    assert type(caught.value) is kind


def test_what_the_checkup_knows_of_a_disk_is_what_is_looked_for() -> None:
    assert growing.load_of(Disk("/d", "/dev/vdb1", "xfs", uuid="u", kind="xfs")) == carry.Load("/d", "u", kind="xfs")
    lvm = Disk("/d", "/dev/mapper/vg-d", "ext4", uuid="p", kind="LVM2_member")
    assert growing.load_of(lvm) == carry.Load("/d", volume="/dev/mapper/vg-d", kind="ext4")
