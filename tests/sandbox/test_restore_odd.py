"""The way back when notes are torn or lost, disks are renamed, and somebody means harm or is in the way."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import JobError
from app.sandbox import remote
from tests.sandbox.machine import Machine
from tests.sandbox.near import FULL, MOUNTS, SMALL, STATE, Before, Make, hooked, near, quick
from tests.sandbox.test_interrupted import settle

pytestmark = [pytest.mark.root, pytest.mark.usefixtures("quick")]
__all__ = ["quick"]
OK, CARE = {"ok"}, {"ok", "care"}


@pytest.mark.parametrize(
    "harm",
    [
        f"printf resto >> {STATE}/journal",
        f"printf 'empty m0' >> {STATE}/journal",
        f": > {STATE}/journal",
        f"rm {STATE}/journal",
        f"head -c 30 /dev/zero >> {STATE}/journal",
        f"rm {STATE}/services {STATE}/hardware {STATE}/m01/disk {STATE}/m01/flags {STATE}/restore",
        f"echo 'exit 9' > {STATE}/restore; echo 'exit 9' > {STATE}/merge",
        f"cp -a {STATE} /var/lib/sandhopper/job-0; echo /nowhere > /dev/null",
    ],
)
def test_notes_that_are_torn_or_lost_or_of_another_version(tmp_path: Path, sandbox: Make, harm: str) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.run("sh", "-c", harm)
        settle(near(sandbox(machine), machine), ("ok", "care"))
        was.is_now(harm)


def test_a_newer_version_s_own_program_takes_its_work_back(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.run("sh", "-c", f"sed -i s/^version.1/version\\ 9/ {STATE}/journal; echo '# newer' >> {STATE}/restore")
        settle(near(sandbox(machine), machine))
        was.is_now("version 9")


def test_without_any_program_of_ours_the_way_back_lies_there(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        data = machine.listing("/application")
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.run("sh", f"{STATE}/restore")
        assert "application/e" not in machine.root_listing()
        assert machine.listing("/application") == data
        assert near(sandbox(machine), machine).restore()[0].grade == "ok"


@pytest.mark.parametrize("where", [STATE, f"{STATE}/ballast", f"{STATE}/m01", f"{STATE}/m01/twin", f"{STATE}/boot"])
def test_links_in_our_notes_are_not_followed(tmp_path: Path, sandbox: Make, where: str) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", f"{SMALL}; mkdir -p /srv/theirs; echo precious > /srv/theirs/path")
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.run("sh", "-c", f"mv {where} /root/kept; ln -s /srv/theirs {where}")
        with pytest.raises(JobError, match="links"):
            near(sandbox(machine), machine).restore()
        assert machine.run("cat", "/srv/theirs/path") == b"precious\n"
        machine.run("sh", "-c", f"rm {where}; mv /root/kept {where}")
        settle(near(sandbox(machine), machine), ("ok", "care"))
        changed = machine.root_listing()
        assert {n for n in {*changed, *was.root} if changed.get(n) != was.root.get(n)} <= {"root"}


@pytest.mark.parametrize(
    "inside",
    [
        "ln -s /srv/theirs link; ln -s / root; mkdir d; ln -s /application d/data",
        "mkdir -p d/e; echo x > d/e/f; chattr +i d/e/f d/e d; chattr +a a",
        "mkdir -p deep/b; mkfifo deep/fifo; mknod deep/null c 1 3; chmod 0 deep",
    ],
)
def test_anything_in_the_copy_is_taken_away_and_nothing_else(tmp_path: Path, sandbox: Make, inside: str) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", f"{SMALL}; mkdir -p /srv/theirs; echo precious > /srv/theirs/file")
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        alone = "mount --make-rprivate /; mount --bind / /mnt; cd /mnt/application"
        machine.run("unshare", "-m", "sh", "-c", f"{alone}; {inside}; touch -r {STATE}/boot .")
        # they are older than the copy's end, as far as anybody can tell: part of the copy
        machine.run("touch", f"{STATE}/m01/copied")
        settle(near(sandbox(machine), machine))
        was.is_now(inside)


def test_a_folder_that_was_protected_is_protected_again(tmp_path: Path, sandbox: Make) -> None:
    machine = Machine(tmp_path, disks={"/application": 60})
    machine.first('mkdir -p "$1/application"; chattr +i "$1/application"')
    with machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        assert "application/e" in machine.root_listing()
        settle(near(sandbox(machine), machine))
        was.is_now("+i")
        hidden = "mount --make-rprivate /; mount --bind / /mnt; lsattr -d /mnt/application; chattr -i /mnt/application"
        assert b"i" in machine.run("unshare", "-m", "sh", "-c", hidden).split()[0]


@pytest.mark.parametrize("hide", [(), ("unshare",)])
def test_what_is_mounted_while_we_delete_is_left_alone(
    tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch, hide: tuple[str, ...]
) -> None:
    with Machine(tmp_path, disks={"/application": 60, "/srv": 60}, hide=hide) as machine:
        machine.run("mount", "--make-rshared", "/")
        machine.run(
            "sh", "-c", f"{SMALL}; mkdir a/in; echo precious > /srv/file; mkdir /home/theirs; echo p > /home/theirs/f"
        )
        was, other = Before(machine), machine.listing("/srv")
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        real = remote.script
        outside = (
            "nsenter -t 1 -m sh -c 'mount --bind /srv /application/a/in; mount --bind /home/theirs /application/a'"
        )
        late = real("restore").replace("    clear_here\n", f"    {outside}; mount --bind /srv a/in\n    clear_here\n")
        assert outside in late
        with monkeypatch.context() as patch:
            patch.setattr(remote, "script", lambda name: late if name == "restore" else real(name))
            with pytest.raises(JobError):  # something is mounted in the way: told, not deleted
                near(sandbox(machine), machine).restore()
        assert machine.listing("/srv") == other
        assert machine.run("cat", "/home/theirs/f") == b"p\n"
        machine.run(
            "sh",
            "-c",
            f"umount /application/a /application/a/in; umount {STATE}/view/application/a/in; true",
            check=False,
        )
        settle(near(sandbox(machine), machine))
        was.is_now("mounts")
        assert machine.listing("/srv") == other


def test_who_works_in_the_copy_while_it_is_taken_away_keeps_the_files(
    tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", f"{SMALL}; echo precious > /etc/theirs")
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        device = machine.run("findmnt", "-n", "-o", "SOURCE", "/application").decode().strip()
        machine.run(
            "sh", "-c", "umount /application; cd /application; echo mine > a/new; echo more >> g; ln -s /etc swapped"
        )
        machine.run("mount", device, "/application")
        findings = near(sandbox(machine), machine).restore()
        assert {f.topic for f in findings} >= {"kept"}
        (kept,) = [f for f in findings if f.topic == "kept"]
        folder = "/application.sandhopper-job-1"
        assert folder in kept.title
        assert machine.run("cat", f"{folder}/a/new", f"{folder}/g") == b"mine\n1\nmore\n"
        machine.run("rm", "-r", folder)
        machine.run("touch", "-d", f"@{was.root['.']['time'] / 1e9:.9f}", "/")
        was.is_now("kept", started_again=True)
        assert machine.run("cat", "/etc/theirs") == b"precious\n"


def test_the_disk_has_another_name_and_systemd_forgot_it(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/srv": 60, "/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.power_off()
        spare = machine.place / "0.data"  # attached first now: each loop device gets another number
        spare.write_bytes(bytes(1 << 20))
        machine.start()
        spare.unlink()
        settle(near(sandbox(machine), machine), ("ok", "care"))
        was.is_now("renamed", started_again=True)


def test_two_computers_at_once(tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        was = Before(machine)
        hooked(monkeypatch, 'note() { note_it "$@"; [ "$1" != copy ] || sleep 60; }\n')
        near(sandbox(machine), machine)
        from tests.sandbox.test_interrupted_moments import going

        told: list[str] = []

        def first() -> None:
            try:
                near(sandbox(machine), machine).merge(MOUNTS, "job-1")
            except JobError as exc:
                told.append(exc.message)
                raise

        with going(first):
            from tests.servers import until

            until(lambda: b"copy" in machine.run("cat", f"{STATE}/journal", check=False))
            with pytest.raises(JobError, match="still prepared for another export"):
                near(sandbox(machine), machine).merge(MOUNTS, "job-2")
            settle(near(sandbox(machine), machine))
        assert told == ["The sandbox was put back from another computer while it was being prepared."]
        was.is_now("two")


SERVICE = "sleep 600 >/dev/null 2>&1 </dev/null & echo $! > /run/worker.pid"


def test_a_service_that_stopped_meanwhile_is_named(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", f"{SMALL}; {SERVICE}")
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        found = near(sandbox(machine), machine).restore()
        assert [f.grade for f in found] == ["ok"]
        assert "1 services run; none stopped or failed." in found[0].facts["proven"]
        assert any("was only read" in text for text in found[0].facts["proven"])
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.run("sh", "-c", "kill $(cat /run/worker.pid)")
        found = near(sandbox(machine), machine).restore()
        assert [f.title for f in found[1:]] == ["The service sleep was running before and is not running now."]


def test_a_data_disk_that_was_emptied_or_changed_meanwhile_is_named(tmp_path: Path, sandbox: Make) -> None:
    with Machine(tmp_path, disks={"/application": 60}) as machine:
        machine.run("sh", "-c", SMALL)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        machine.run("sh", "-c", "rm -r /application/*; chmod 700 /application; mount -o remount,ro /application")
        titles = " ".join(f.title for f in near(sandbox(machine), machine).restore())
        assert "/application holds far fewer files than before" in titles
        assert "/application is not mounted as before" in titles


# the disk is full when restore notes WORD, to the last byte of the journal's own last block, and restore is killed at
# the first FOUND that follows
FULL_AND_KILLED = """note() {{
    if [ "$1" = {word} ]; then
        {full}
        printf '%*s\\n' $((4095 - $(stat -c %s "$STATE/journal"))) "" >> "$STATE/journal"
        ! note_it "$@" 2> /dev/null || echo "there was room" > /run/room
        return 1
    fi
    note_it "$@"
}}
{command}() {{
    case "$*" in {found}) {first}; kill -9 $$ ;; esac
    command {command} "$@"
}}
"""
POINTS = [
    ("empty", "find", "*-depth*-delete", "rm -f a/f"),  # g is its second name: the change time of g is another one now
    ("back", "mv", "--*aside/hidden*", 'command mv "$@"'),
]


@pytest.mark.parametrize(("word", "command", "found", "first"), POINTS, ids=["empty", "back"])
def test_a_line_that_a_full_disk_has_no_room_for_is_known_after_a_kill(
    tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch, word: str, command: str, found: str, first: str
) -> None:
    """Else what restore did itself is taken for somebody else's, and what it brought back for the copy."""
    machine = Machine(tmp_path, disks={"/application": 60}, root_size=220)
    machine.first('mkdir -p "$1/application"; echo old > "$1/application/hidden"; touch -d @1.5 "$1/application"')
    with machine:
        machine.run("sh", "-c", f": > /filler; touch -r /etc/hostname /filler; {SMALL}")
        was = Before(machine)
        near(sandbox(machine), machine).merge(MOUNTS, "job-1")
        with monkeypatch.context() as patch:
            hooked(patch, FULL_AND_KILLED.format(full=FULL, word=word, command=command, found=found, first=first))
            with pytest.raises(JobError):
                near(sandbox(machine), machine).restore()
        machine.run("test", "!", "-e", "/run/room")
        settle(near(sandbox(machine), machine))
        machine.run("sh", "-c", ": > /filler; touch -r /etc/hostname /filler")
        was.is_now(word)
