"""Prepare, copy the running system disk, restore, start the copy alone: on machines laid out as other people's are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.context import Context
from app.steps import checkup, prepare, restore
from tests.guest import layout, offline
from tests.guest.layout import Layout, Listing, job_on, merged_as
from tests.guest.machine import HERE, Guest
from tests.guest.scene import strangers

pytestmark = [pytest.mark.guest, pytest.mark.timeout(1500)]
Make = Callable[..., Context]
UNBROKEN = HERE / "unbroken.py"


@dataclass
class Story:
    """One machine, from before the export to its copy that starts alone."""

    layout: Layout
    guest: Guest
    place: Path

    def told(self, context: Make, *merges: str, user: str = "root", inside: str = "true") -> Guest:
        """Tell all of it; the copy, running alone. *inside* is run in the copy, and must succeed."""
        ctx = job_on(self.guest, context, *merges, user=user)
        self.guest.as_user(user, "sudo -n id")  # what a first login leaves is not ours
        before, mounted = self.layout.look(self.guest), self.mounted()
        assert [f.title for f in checkup.STEP.check(ctx) if f.grade == "stop"] == []
        facts = prepare.STEP.run(ctx)
        print(f"{facts['files']} files, {facts['bytes'] / 1e6:.0f} MB: prepared in {facts['seconds']} s")
        image = self.guest.hot_copy(self.place / "snapshot.qcow2")  # at once, and nobody has synced
        assert facts["unsteady"] == facts["lost"] == [], facts
        assert self.mounted() == mounted
        told = restore.STEP.run(ctx)
        assert told["equal"], told
        assert self.mounted() == mounted
        same(self.layout.look(self.guest), before)
        self.guest.power_off()
        self.starts_alone(image, before, merges, inside)
        return self.guest

    def mounted(self) -> bytes:
        return self.guest.ssh("findmnt -l -n -o TARGET,SOURCE,FSTYPE,OPTIONS | grep -v -e /run -e /proc | sort")

    def starts_alone(self, image: Path, before: dict[str, Listing], merges: tuple[str, ...], inside: str) -> None:
        with self.layout.alone(self.place / "alone", image) as copy:
            assert copy.ssh("systemctl is-system-running --wait || true").strip() == b"running"
            assert copy.ssh("systemctl --failed --no-legend") == b""
            for path in merges:
                assert copy.ssh(f"findmnt -n -o TARGET -T {path}").strip() == b"/"
            copy.ssh(inside)
            root = self.layout.look(copy, "/")["/"]
        merged(root, before, merges)

    def holds(self, image: Path, before: dict[str, Listing], merges: tuple[str, ...], leaving: str) -> None:
        """The same without starting it: what busy.py wrote is whole, all else is as it was on the data disks."""
        disk, root = offline.raw(image), self.layout.part("/")
        assert int(offline.told_by(UNBROKEN, disk, root)) > 20
        merged(strangers(offline.listing_in(disk, root)), before, merges, leaving)


def merged(root: Listing, before: dict[str, Listing], merges: tuple[str, ...], leaving: str = "-") -> None:
    """A copy's root disk holds all of *merges*, but for what lies in a folder *leaving* of them."""
    for path in merges:
        is_there, should_be = merged_as(root, before, path)
        same(without({path: is_there}, leaving), without({path: should_be}, leaving))


def same(now: dict[str, Listing], then: dict[str, Listing]) -> None:
    """Both are equal; tells the first few things that are not (a whole listing is too long to be read)."""
    assert now.keys() == then.keys()
    for path, listed in now.items():
        names = [name for name in {*listed, *then[path]} if listed.get(name) != then[path].get(name)]
        told = [(name, then[path].get(name), listed.get(name)) for name in sorted(names)[:5]]
        assert not names, f"{path}: {len(names)} differ: {told}"


@pytest.fixture
def tell(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Story]:
    """The story of the layout that the test names by its parameter."""
    found = layout.built(request.param)
    with found.started(tmp_path / "sandbox") as guest:
        yield Story(found, guest, tmp_path)


@pytest.mark.parametrize("tell", ["enterprise"], indirect=True)
def test_xfs_root_grub_homes_on_their_own_disk_lvm_data_and_a_german_with_fish(tell: Story, context: Make) -> None:
    assert tell.guest.as_user("scientist", "echo $LANG $FISH_VERSION").startswith(b"de_DE.UTF-8 3.")
    tell.told(context, "/home", "/application", user="scientist", inside="getcap /application/xattr/capable | grep cap")


@pytest.mark.parametrize("tell", ["volumes"], indirect=True)
def test_uefi_lvm_root_and_var_btrfs_with_a_disk_inside_a_mount_unit_csh_no_rsync_python_getfattr(
    tell: Story, context: Make
) -> None:
    tell.told(context, "/data", "/data/sub", "/archive", user="scientist", inside="test -d /data/sub/src")


@pytest.mark.parametrize("tell", ["crowded"], indirect=True)
def test_many_small_files_a_read_only_disk_and_a_program_that_never_stops_writing(tell: Story, context: Make) -> None:
    guest, ctx = tell.guest, job_on(tell.guest, context, "/application", "/reference")
    before = tell.layout.look(guest)
    guest.ssh("systemctl start busy; sleep 10")
    seconds = float(guest.ssh(BY_HAND).split()[-1])
    by_hand = guest.ssh("cat /run/busy; rm /run/busy").decode()
    facts = prepare.STEP.run(ctx)
    image = guest.hot_copy(tell.place / "snapshot.qcow2")
    assert restore.STEP.run(ctx)["equal"]
    guest.ssh("systemctl stop busy")
    print(f"{facts['files']} files: prepared in {facts['seconds']} s, copied with rsync by hand in {seconds:.0f} s")
    undisturbed(guest.ssh("cat /run/busy").decode(), by_hand)
    after = tell.layout.look(guest)
    same(without(after, "busy"), without(before, "busy"))
    guest.power_off()
    tell.holds(image, before, ("/application", "/reference"), leaving="busy")


# what one would do by hand, on the root disk as well, from a cold cache; says how many seconds it took
BY_HAND = """sync; echo 3 > /proc/sys/vm/drop_caches; mkdir /by-hand; read -r begin _ < /proc/uptime
rsync -aHAX --exclude=/busy /application /reference /by-hand/ && sync
read -r end _ < /proc/uptime; rm -r /by-hand; sync; echo 3 > /proc/sys/vm/drop_caches
awk "BEGIN { print $end - $begin }" """


def undisturbed(report: str, by_hand: str) -> None:
    """The program has worked all the time without an error; tells its longest pauses, with us and with rsync."""
    assert "wrong" not in report + by_hand
    assert report.count("round") > 20
    ours, theirs = (max(float(pause) for pause in re.findall(r"pause ([\d.]+)", text)) for text in (report, by_hand))
    print(f"longest pause: {ours} s, while files are copied by hand {theirs} s")


def without(found: dict[str, Listing], name: str) -> dict[str, Listing]:
    return {path: {n: f for n, f in listed.items() if n.split("/")[0] != name} for path, listed in found.items()}
