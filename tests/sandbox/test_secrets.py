"""Secrets of every kind, planted in a small machine, are found by name and kind; nothing of them leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from app.sandbox import Sandbox, remote, secrets
from app.sandbox.look import Look
from tests.sandbox.machine import HERE, Machine

pytestmark = pytest.mark.root
Make = Callable[..., Sandbox]


def plant(machine: Machine) -> dict[bytes, str]:
    told = json.loads(machine.run("/usr/bin/python3", "-", stdin=(HERE / "plant.py").read_bytes()))
    return {path.encode("latin-1"): kind for path, kind in told}


def found(look: Look) -> dict[bytes, str]:
    return {secrets.raw(secret.path): secret.kind for secret in look.secrets}


TOOLS = ("find", "grep", "head", "od", "stat", "awk", "sed", "sort", "cut", "date", "tr", "timeout", "mount", "unshare")


@pytest.mark.parametrize(
    ("shell", "tools", "hide"),
    [("dash", (), ()), ("bash", (), ("timeout", "unshare")), ("busybox", TOOLS, ())],
    ids=["dash", "bash", "busybox"],
)
def test_planted_secrets_are_found_and_nothing_else(
    tmp_path: Path, sandbox: Make, shell: str, tools: tuple[str, ...], hide: tuple[str, ...]
) -> None:
    small = Machine(tmp_path, shell=shell, hide=hide)
    for tool in tools:
        for folder in ("bin", "sbin"):
            (small.place / "over" / folder / tool).symlink_to("/usr/bin/busybox")
    with small as machine:
        planted = plant(machine)
        before = machine.root_listing()
        look = sandbox(machine).look()
        there = found(look)
        assert {p: k for p, k in planted.items() if k} == {p: k for p, k in there.items() if p in planted}
        more = {p: k for p, k in there.items() if p not in planted}
        assert set(more.values()) <= {"host-key", "authorized-keys", "console-passwords", "swap"}, more
        assert {b"/etc/ssh/host", b"/etc/ssh/keys", b"/etc/shadow"} <= more.keys()
        assert machine.root_listing() == before
        told = json.dumps(look.as_json(), ensure_ascii=False)
        told.encode()
        assert "planted" not in told


def test_what_is_told_about_each(machine: Machine, sandbox: Make) -> None:
    plant(machine)
    known = {secret.path: secret for secret in sandbox(machine).look().secrets}
    assert asdict(known["/home/scientist/.netrc"]) == {
        "path": "/home/scientist/.netrc", "kind": "netrc", "owner": "1000:scientist", "size": 35, "mount": "/",
    }  # fmt: skip
    assert known["/application/run/conf/id_rsa"].mount == "/application"
    assert r"/root/line\x0abreak\x09/.netrc" in known
    assert r"/root/caf\xe9 \\x41 $(id) 'q'/id_rsa" in known


def test_no_access_time_changes(machine: Machine, sandbox: Make) -> None:
    planted = plant(machine)
    script = "mount -o remount,strictatime /; " + "; ".join(
        f"touch -a -d 2001-01-01 '{path.decode()}'"
        for path in planted
        if path.startswith(b"/root/.") and b"'" not in path
    )
    machine.run("sh", "-c", script)
    times = machine.run(
        "sh", "-c", "find /root /root/.ssh -maxdepth 1 -name '.*' -type f | sort | xargs stat -c '%n %x'"
    )
    assert b"2001-01-01" in times
    sandbox(machine).look()
    assert (
        machine.run("sh", "-c", "find /root /root/.ssh -maxdepth 1 -name '.*' -type f | sort | xargs stat -c '%n %x'")
        == times
    )


def test_many_files_and_a_time_that_is_over(machine: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.run(
        "sh",
        "-c",
        "mkdir -p /home/scientist/many; cd /home/scientist/many; seq -f f%06g 50000 | xargs touch; echo x > .netrc",
    )
    look = sandbox(machine).look()
    assert found(look)[b"/home/scientist/many/.netrc"] == "netrc"
    assert not [finding for finding in look.findings if finding.topic == "secrets"]
    monkeypatch.setattr(secrets, "LONGEST", 0)
    look = sandbox(machine).look()
    (finding,) = (finding for finding in look.findings if finding.topic == "secrets")
    assert finding.grade == "care"
    assert "/home/scientist" in finding.facts["late"]


def test_an_answer_that_was_too_long_says_so(machine: Machine, sandbox: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(machine)
    monkeypatch.setattr(secrets, "KEEP", 400)
    look = sandbox(machine).look()
    assert 0 < len(look.secrets) < 10
    assert [finding.facts["cut"] for finding in look.findings if finding.topic == "secrets"] == [True]


def test_every_folder_and_file_that_it_reads_is_only_read() -> None:
    """The programs that run on the sandbox write nothing: no redirection but to nowhere, and no program that writes."""
    text = "".join(remote.script(name) for name in ("secrets", "search", "judge"))
    assert not {"rm ", "mv ", "cp ", "touch ", "chmod ", "tee ", "mkdir "} & {f"{word} " for word in text.split()}


def test_one_key_among_many_certificates(machine: Machine, sandbox: Make) -> None:
    script = r"""mkdir -p /srv/certs; cd /srv/certs
        for i in $(seq 300); do echo '-----BEGIN CERTIFICATE-----' > c$i.pem; done
        echo '-----BEGIN RSA PRIVATE KEY-----' | tee c77.pem "odd 'n \$(id).key" > ./-x.pem"""
    machine.run("sh", "-c", script)
    keys = {path for path, kind in found(sandbox(machine).look()).items() if kind == "tls-key"}
    assert {path for path in keys if path.startswith(b"/srv/certs")} == {
        b"/srv/certs/c77.pem", b"/srv/certs/odd 'n $(id).key", b"/srv/certs/-x.pem",
    }  # fmt: skip
