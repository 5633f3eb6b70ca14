"""Secrets that are put aside for the moment of the snapshot, and put back: on a real machine, cut off at any moment."""

from __future__ import annotations

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.errors import JobError
from app.job import Decision, Include, Job
from app.sandbox import Look, Sandbox, remote
from app.sandbox.vault import Ways, ways
from tests.sandbox.machine import Machine

pytestmark = pytest.mark.root
Make = Callable[..., Sandbox]
PLANT = r"""
umask 077
cd /home/scientist; mkdir .aws "$(printf 'a b\nline')"
printf '[x]\naws_secret_access_key = planted-secret\n' > .aws/credentials
head -c 300000 /dev/urandom > big.kdbx
printf 'machine x password planted-secret\n' > "$(printf 'a b\nline/.netrc')"
ln .aws/credentials other-name
chown -R 1000:1000 .; chmod 640 .aws/credentials
touch -d '2001-02-03 04:05:06.789' .aws/credentials
setfattr -n user.mine -v yes .aws/credentials; setfacl -m u:100:r .aws/credentials
touch -d '2002-02-03 04:05:06.789' .aws
printf 'machine x password planted-secret\n' > /root/.netrc
printf 'machine y password planted-secret\n' > /application/.netrc; touch -d 2003-01-01 /application
"""
NAMES = (
    "/home/scientist/.aws/credentials",
    "/home/scientist/big.kdbx",
    "/root/.netrc",
    r"/home/scientist/a b\x0aline/.netrc",
)
PATHS = tuple("/home/scientist/a b\nline/.netrc" if "\\" in name else name for name in NAMES)


def asked(*include: str) -> Job:
    gone = (*NAMES, "/application/.netrc") if include else NAMES
    return Job("ssh://a@b", "file:///t/", id="job-1", include=tuple(Include.parse(i) for i in include),
               secrets=tuple(Decision(name, "remove") for name in gone))  # fmt: skip


@pytest.fixture
def planted(tmp_path: Path) -> Iterator[Machine]:
    with Machine(tmp_path, disks={"/application": 100}, root_size=140) as machine:
        machine.run("sh", "-c", PLANT)
        machine.run("sync")
        yield machine


LOOKS: list[Look] = []  # at the first machine that was planted; the others are like it


def how_of(sandbox: Sandbox, job: Job) -> Ways:
    look = LOOKS[0] if LOOKS else sandbox.look()
    LOOKS.append(look)
    how = ways(look.secrets, look.mounts, job)
    assert {secret.path for secret in how.aside} == {*NAMES}
    return how


def all_of(machine: Machine) -> tuple[Any, Any]:
    return machine.listings("/application")


def gone(machine: Machine) -> bool:
    machine.run("sync")
    return b"planted-secret" not in (machine.place / "root.img").read_bytes()


def test_aside_and_back_to_the_last_bit(planted: Machine, sandbox: Make) -> None:
    before = all_of(planted)
    assert not gone(planted)
    how = how_of(sandbox(planted), asked())
    assert how.vaults == ("/application",)
    for _ in range(2):
        sandbox(planted).secrets_off(how, "job-1")
        assert gone(planted), "the root disk still has a secret in it"
        assert [planted.run("stat", "-c", "%s", path) for path in PATHS] == [b"0\n"] * 4
    found = sandbox(planted).restore("job-1")
    assert [finding.grade for finding in found] == ["ok"]
    assert {*found[0].facts["files"]} == {*NAMES}
    assert all_of(planted) == before
    assert sandbox(planted).secrets_back() == []


def test_with_a_merge_the_copy_has_none_and_the_data_disk_all(planted: Machine, sandbox: Make) -> None:
    before = all_of(planted)
    job = asked("/application=merge")
    how = how_of(sandbox(planted), job)
    assert [secret.path for secret in how.left] == ["/application/.netrc"]
    sandbox(planted).merge(["/application"], "job-1")
    for _ in range(2):
        sandbox(planted).secrets_off(how, "job-1")
        root = planted.root_listing()
        assert "application/.netrc" not in root
        assert not [name for name in root if name.startswith("application/.sandhopper")]
        assert root["application"]["time"] == before[1]["."]["time"]
        assert gone(planted)
    found = sandbox(planted).restore()
    assert {finding.grade for finding in found} == {"ok"}, found
    after = all_of(planted)
    for now, then in zip(after, before, strict=True):
        assert {name for name in {*now, *then} if now.get(name) != then.get(name)} == set()


COUNTED = 'note() { note_it "$@"; c=$(cat $RUN/notes 2>/dev/null || echo 0); c=$((c + 1)); echo $c > $RUN/notes; '
DIES = '[ "$c" != "{line}" ] || kill -9 0; }\n'


def dying(monkeypatch: pytest.MonkeyPatch, line: int) -> None:
    """Have every program on the sandbox die by kill -9 right after its journal's line of that number."""
    real = remote.script

    def script(name: str) -> str:
        text = real(name)
        return (
            text.replace("\nnote() {", "\nnote_it() {") + COUNTED + DIES.replace("{line}", str(line))
            if name == "lib"
            else text
        )

    monkeypatch.setattr(remote, "script", script)


@pytest.mark.parametrize("half", [0, 1])
@pytest.mark.parametrize("plug", [False, True], ids=["killed", "power"])
def test_killed_at_each_line_of_putting_aside(
    planted: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch, half: int, plug: bool
) -> None:
    before = settled(all_of(planted))
    how = how_of(sandbox(planted), asked())
    for line in range(1 + half, 11, 2):
        planted.run("sh", "-c", "rm -f /run/notes")
        with monkeypatch.context() as patch:
            dying(patch, line)
            with pytest.raises(JobError):
                sandbox(planted).secrets_off(how, "job-1")
        if plug:
            planted.power_off()
            planted.start()
        if line % 4 < 2:
            sandbox(planted).secrets_off(how, "job-1")
            assert gone(planted)
        found = sandbox(planted).restore()
        assert {finding.grade for finding in found} == {"ok"}, (line, found)
        assert settled(all_of(planted)) == before, line


@pytest.mark.parametrize("half", [0, 1])
def test_killed_at_each_line_of_putting_back(
    planted: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch, half: int
) -> None:
    before = settled(all_of(planted))
    how = how_of(sandbox(planted), asked())
    for line in range(1 + half, 9, 2):
        sandbox(planted).secrets_off(how, "job-1")
        planted.run("sh", "-c", "rm -f /run/notes")
        with monkeypatch.context() as patch:
            dying(patch, line)
            with contextlib.suppress(JobError):
                sandbox(planted).restore()
        planted.power_off()
        planted.start()
        found = sandbox(planted).restore()
        assert {finding.grade for finding in found} == {"ok"}, (line, found)
        assert settled(all_of(planted)) == before, line


def test_killed_while_the_note_is_removed(planted: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    before = all_of(planted)
    sandbox(planted).secrets_off(how_of(sandbox(planted), asked()), "job-1")
    real, whole = remote.script, 'rm -f "$NOTE" "$NOTE.new" '
    assert whole in real("vault")
    with monkeypatch.context() as patch, contextlib.suppress(JobError):
        patch.setattr(remote, "script", lambda name: real(name).replace(whole, 'rm -f "$NOTE"; kill -9 0; rm -f '))
        sandbox(planted).restore()
    sandbox(planted).restore()
    assert all_of(planted) == before


def test_killed_at_any_moment(planted: Machine, sandbox: Make) -> None:
    dice = random.Random(7)
    before = settled(all_of(planted))
    how = how_of(sandbox(planted), asked())
    for _ in range(8):
        line = threading.Thread(target=quietly, args=(sandbox(planted), how), daemon=True)
        line.start()
        line.join(dice.uniform(0.1, 1.2))
        planted.power_off()
        planted.start()
        line.join(30)
        found = sandbox(planted).restore()
        assert {finding.grade for finding in found} == {"ok"}, found
        assert settled(all_of(planted)) == before


def quietly(sandbox: Sandbox, how: Ways) -> None:
    with contextlib.suppress(JobError):
        sandbox.secrets_off(how, "job-1")
        sandbox.restore()


def settled(listings: tuple[Any, Any]) -> tuple[Any, Any]:
    """Without the time of `/` itself, which a start changes."""
    return {name: fact for name, fact in listings[0].items() if name != "."}, listings[1]


def test_what_somebody_writes_meanwhile_is_kept_beside(planted: Machine, sandbox: Make) -> None:
    before = planted.run("cat", "/root/.netrc")
    how = how_of(sandbox(planted), asked())
    sandbox(planted).secrets_off(how, "job-1")
    planted.run(
        "sh",
        "-c",
        "echo new > /root/.netrc; cd /home/scientist; rm big.kdbx; rm -r a?b*; ln -s /etc \"$(printf 'a b\\nline')\"",
    )
    found = sandbox(planted).restore()
    assert {finding.grade for finding in found} == {"care"}
    assert len(found) == 3
    assert planted.run("cat", "/root/.netrc") == before
    assert planted.run("cat", "/root/.netrc.sandhopper-job-1") == b"new\n"
    assert planted.run("stat", "-c", "%s", "/home/scientist/big.kdbx") == b"300000\n"
    assert b"planted-secret" in planted.run("sh", "-c", "cat /root/sandhopper-job-1-00*")
    assert b".netrc" not in planted.run("ls", "-A", "/etc")


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("exec 5< /root/.netrc; setsid sleep 60 < /root/.netrc > /dev/null 2>&1 &", "in use"),
        ("mv /home/scientist/.aws /root/x; ln -s /root/x /home/scientist/.aws", "a link leads there"),
        ("rm /root/.netrc; ln -s /etc/passwd /root/.netrc", "no ordinary file"),
        ("truncate -s 70M /root/.netrc", "too big"),
    ],
)
def test_what_cannot_be_put_aside_is_refused_and_nothing_is_changed(
    planted: Machine, sandbox: Make, script: str, why: str
) -> None:
    how = how_of(sandbox(planted), asked())
    planted.run("sh", "-c", script)
    before = all_of(planted)
    with pytest.raises(JobError, match=why):
        sandbox(planted).secrets_off(how, "job-1")
    assert all_of(planted) == before
    assert planted.run("cat", "/etc/passwd")


def test_another_export_waits_and_a_disk_that_is_away_is_said(planted: Machine, sandbox: Make) -> None:
    before = settled(all_of(planted))
    how = how_of(sandbox(planted), asked())
    sandbox(planted).secrets_off(how, "job-1")
    with pytest.raises(JobError, match="another export"):
        sandbox(planted).secrets_off(how, "job-2")
    planted.run("umount", "/application")
    with pytest.raises(JobError, match="holds secrets"):
        sandbox(planted).restore()
    planted.power_off()
    planted.start()
    assert sandbox(planted).restore()[0].grade == "ok"
    assert settled(all_of(planted)) == before


def test_without_a_data_disk_or_for_what_the_machine_needs_it_is_refused(planted: Machine, sandbox: Make) -> None:
    look = sandbox(planted).look()
    no_disk = ways(look.secrets, (), asked())
    assert len(no_disk.refused) == 4
    assert "no other disk" in no_disk.refused[0][1]
    shared = ways(look.secrets, look.mounts, replace(asked(), clean="share", secrets=()))
    kinds = {secret.kind for secret, _ in shared.refused}
    assert {"host-key", "authorized-keys", "console-passwords"} <= kinds
    assert {secret.kind for secret in shared.aside} == {"netrc", "cloud", "password-store"}
    read_only = tuple(replace(mount, read_only=True) for mount in look.mounts)
    assert ways(look.secrets, read_only, asked()).vaults == ()


def test_the_program_kept_in_the_vault_puts_back_by_itself(planted: Machine, sandbox: Make) -> None:
    before = all_of(planted)
    sandbox(planted).secrets_off(how_of(sandbox(planted), asked()), "job-1")
    assert planted.run("sh", "/application/.sandhopper-job-1/back").splitlines()[-1] == b"back"
    assert all_of(planted) == before


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_other_shells_and_a_dd_that_follows_links(tmp_path: Path, sandbox: Make, shell: str) -> None:
    small = Machine(tmp_path, disks={"/application": 100}, root_size=140, shell=shell)
    for tool in ("dd", "cmp", "head", "touch", "stat", "od") if shell == "busybox" else ():
        (small.place / "over" / "bin" / tool).symlink_to("/usr/bin/busybox")
    with small as machine:
        machine.run("sh", "-c", PLANT.replace("touch -d '2001-02-03 04:05:06.789'", "touch -d '2001-02-03 04:05:06'")
                    .replace("touch -d '2002-02-03 04:05:06.789'", "touch -d '2002-02-03 04:05:06'")
                    .replace("touch -d 2003-01-01", "touch -d '2003-01-01 00:00:00'"))  # fmt: skip
        before = all_of(machine)
        LOOKS.clear()
        sandbox(machine).secrets_off(how_of(sandbox(machine), asked()), "job-1")
        assert gone(machine)
        assert {finding.grade for finding in sandbox(machine).restore()} == {"ok"}
        assert all_of(machine) == before
