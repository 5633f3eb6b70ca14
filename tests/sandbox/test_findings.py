"""The check-up on small real roots: what each family of systems looks like, and what is said about it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli import main
from app.context import Finding
from app.fixes import FIXES
from app.sandbox import Sandbox, remote
from app.sandbox.look import Look
from tests.sandbox import roots
from tests.sandbox.machine import Machine

Make = Callable[..., Sandbox]
KERNELS = {"debian": "6.1.0-9", "rocky9": "5.14.0-427", "suse": "5.14.21-default", "alpine": "lts", "arch": "linux"}


def machine_of(tmp_path: Path, name: str, **more: object) -> Machine:
    root = tmp_path / "laid"
    root.mkdir()
    getattr(roots, name)(root)
    machine = Machine(tmp_path, **more)  # type: ignore[arg-type]
    if not (root / "etc/os-release").exists():  # a white-out of the overlay: CentOS 6 has none anywhere
        (machine.place / "over" / "lib").mkdir(exist_ok=True)
        os.mknod(machine.place / "over" / "lib" / "os-release", 0o600 | 0o020000, 0)
    machine.first(f'rm -f "$1/etc/os-release"; rm -rf "$1/etc/cloud"; cp -a "{root}/." "$1/"')
    return machine


def looked(tmp_path: Path, sandbox: Make, name: str, **more: object) -> Look:
    with machine_of(tmp_path, name, **more) as machine:
        return sandbox(machine).look()


def with_fix(look: Look, fix: str) -> list[Finding]:
    return [finding for finding in look.findings if finding.fix == fix]


def kernels(look: Look) -> dict[str, object]:
    return {k["version"]: k["read"] for f in look.findings for k in f.facts.get("kernels", [])}


@pytest.mark.parametrize("name", KERNELS)
def test_drivers_are_seen_in_every_kind_of_start_up_image(tmp_path: Path, sandbox: Make, name: str) -> None:
    look = looked(tmp_path, sandbox, name)
    assert kernels(look) == {KERNELS[name]: True}
    assert [f.grade for f in look.findings if "drivers of today's clouds" in f.title] == ["ok"]
    family = next(f.facts["family"] for f in look.findings if "family" in f.facts)
    assert family == {"rocky9": "rhel"}.get(name, name)


@pytest.mark.parametrize("shell", ["bash", "busybox"])
def test_other_shells_see_the_same(tmp_path: Path, sandbox: Make, shell: str) -> None:
    look = looked(tmp_path, sandbox, "rocky9", shell=shell)
    assert kernels(look) == {"5.14.0-427": True}
    assert with_fix(look, "network")


def test_debian_of_a_cloud_is_nearly_all_good(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "debian")
    assert {f.fix for f in look.findings if f.fix} <= {"device-names"}  # the kernel that runs is this computer's
    assert not [f for f in look.findings if f.grade == "stop"]
    assert len([f for f in look.findings if f.grade == "ok"]) < 12


def test_every_kernel_every_entry_and_every_tie_is_named(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "ubuntu")
    (lacking,) = with_fix(look, "virtio")
    assert "5.4.0-2" in lacking.title
    assert "5.4.0-1" not in lacking.title
    assert any("root=/dev/xvda1" in f.title for f in with_fix(look, "device-names"))
    titles = " ".join(f.title for f in with_fix(look, "network"))
    assert "address is fixed" in titles
    assert "ens5" in titles
    assert "serial number" in titles


def test_centos_6_with_all_it_has(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "centos6")
    assert look.os.startswith("CentOS release 6.5")
    assert with_fix(look, "virtio")
    assert with_fix(look, "nic-rules")
    assert any("GRUB Legacy" in f.title for f in look.findings)
    assert any("root=/dev/sda2" in f.title for f in look.findings)
    assert any("from certain addresses only" in f.title for f in look.findings)
    assert len(with_fix(look, "network")) == 2


def test_bls_entries_and_key_files_are_read_and_no_password_is(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "rocky9")
    (names,) = [f for f in with_fix(look, "device-names") if "root=/dev/vda2" in f.title]
    assert "resume=/dev/vda3" in names.facts["names"]
    assert with_fix(look, "network")
    assert "very-secret-word" not in json.dumps(look.as_json())


def test_suse_is_registered_and_fixed_by_wicked(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "suse")
    assert any("SUSE registration" in f.title for f in look.findings)
    assert with_fix(look, "network")
    assert any("resume=/dev/sda3" in f.title for f in look.findings)


def test_what_is_not_known_is_said_and_not_guessed(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "unknown")
    assert any("which this program does not know" in f.title for f in look.findings)
    assert kernels(look) == {"1.0": False}
    assert any(f.title.startswith("It could not be seen") and "1.0" in f.title for f in look.findings)
    assert not with_fix(look, "virtio")
    assert any(f.title.startswith("No boot loader") for f in look.findings)


def test_hostile_files_harm_nobody(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "hostile")
    assert kernels(look) == {"6.1.0-9": True}
    for finding in look.findings:
        for text in (finding.title, finding.text, finding.remedy):
            assert not re.search(r"[\x00-\x1f\x7f\u202e]", text)
            assert len(text) < 700
    json.dumps(look.as_json()).encode()


def test_the_order_and_the_repairs(tmp_path: Path, sandbox: Make) -> None:
    look = looked(tmp_path, sandbox, "centos6", hide=("rsync",))
    grades = [f.grade for f in look.findings]
    assert grades == sorted(grades, key=["stop", "care", "ok"].index)
    assert {f.fix for f in look.findings} <= {"", *FIXES}


@pytest.mark.parametrize(("hidden", "grades"), [(("rsync",), []), (("rsync", "cp"), ["stop"])])
def test_without_rsync_gnu_cp_will_do(
    tmp_path: Path, sandbox: Make, hidden: tuple[str, ...], grades: list[str]
) -> None:
    look = looked(tmp_path, sandbox, "debian", hide=hidden)
    assert [found.grade for found in look.findings if found.topic == "rsync"] == grades


def test_the_look_leaves_no_trace(tmp_path: Path, sandbox: Make) -> None:
    with machine_of(tmp_path, "debian") as machine:
        made = sandbox(machine)
        made.look()
        before = machine.root_listing()
        made.look()
        assert machine.root_listing() == before


def test_a_part_that_hangs_does_not_hold_up_the_rest(
    tmp_path: Path, sandbox: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named pipe that nobody fills, read as a file, hangs as a dead network folder does."""
    real, whole = remote.script, "bounded 20 look_system\n"
    assert whole in real("look")
    monkeypatch.setattr(remote, "script", lambda name: real(name).replace(whole, "bounded 4 look_system\n"))
    with machine_of(tmp_path, "debian") as machine:
        machine.run("sh", "-c", "rm /etc/os-release; mkfifo /etc/os-release")
        look = sandbox(machine).look()
        assert b"cat /etc/os-release" not in machine.run("ps", "-eo", "args")
    late = [f for f in look.findings if f.title == "Not everything could be looked at."]
    assert late
    assert late[0].facts["late"] == ["look_system"]
    assert look.mounts


def test_writers_and_missing_disks_are_named(tmp_path: Path, sandbox: Make) -> None:
    fstab = "UUID=0-0-0 /scratch ext4 defaults 0 2\nserver:/x /net nfs credentials=/root/c 0 0\n"
    fstab += "/dev/vdz /z xfs nofail 0 0\n"
    with Machine(tmp_path, fstab=fstab) as machine:
        machine.run("sh", "-c", "nohup sh -c 'exec 5> /application/log; sleep 100' > /dev/null 2>&1 &"
                    "until [ -e /application/log ]; do sleep 0.05; done")  # fmt: skip
        look = sandbox(machine).look()
    (data,) = [f for f in look.findings if f.title.startswith("Data disk /application")]
    assert data.facts["writers"]
    titles = [f.title for f in with_fix(look, "missing-disks")]
    assert any("/net" in title for title in titles)
    assert any("/dev/vdz" in f.title for f in with_fix(look, "device-names"))


@pytest.mark.parametrize("as_json", [True, False])
def test_one_machine_alone_can_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    with machine_of(tmp_path, "centos6") as machine:
        words = ["check", machine.url(), "--accept-host-key", next(iter(machine.answers().values()))]
        assert main([*words, "--json"] if as_json else words) == 0
    out = capsys.readouterr().out
    if as_json:
        result = json.loads(out.splitlines()[-1])
        assert (result["kind"], result["command"], result["sandbox"]) == ("result", "check", machine.url())
        assert {"grade", "title", "fix", "facts"} <= set(result["findings"][0])
        assert result["look"]["os"].startswith("CentOS")
    else:
        assert out.index("Take care:") < out.index("Good:") < out.index("Nothing stands in the way.")
        assert "sandhopper help virtio" in out
