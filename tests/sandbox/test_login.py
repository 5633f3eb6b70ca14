"""Becoming root on a real machine: every shell, sudo in all its moods, doas, chatty start-up files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context
from app.errors import JobError, NeedsAnswer, Transient
from app.sandbox import Sandbox
from app.ssh import Ssh
from app.ssh.command import portable
from tests.sandbox.machine import SUDO_PASSWORD, Machine
from tests.servers import need

ODD = "printf '%s' 'a!b\\c\"d$HOME`e`%f ü'; echo; echo two lines"
SAID = 'a!b\\c"d$HOME`e`%f ü\ntwo lines\n'.encode()
Make = Callable[..., Context]


def answers(machine: Machine, password: str = SUDO_PASSWORD) -> dict[str, str]:
    return {**machine.answers(), f"sudo://scientist@127.0.0.1:{machine.port}": password}


def as_root(ssh: Ssh) -> None:
    """Everything a command may need: who it is, any bytes in and out, its errors apart, its exit status."""
    data = os.urandom(200_000) + b"\x03\x04\x1a\r\n\xff" + bytes(range(256))
    assert ssh.run("id -u", sudo=True).out.split()[-1] == b"0"
    got = ssh.run("cat; echo bad >&2; exit 7", data, sudo=True)
    assert got.out.endswith(data)
    assert (got.status, got.err.rstrip().endswith(b"bad")) == (7, True)
    assert SUDO_PASSWORD.encode() not in got.out + got.err
    assert ssh.run(ODD, sudo=True).out.endswith(SAID)


@pytest.mark.parametrize("login", ["/bin/sh", "/bin/bash", "/bin/tcsh", "/usr/bin/fish", "/bin/zsh", "/over/ash"])
@pytest.mark.parametrize("sudo", ["nopasswd", "password"])
def test_every_login_shell_hands_our_commands_on(tmp_path: Path, context: Make, login: str, sudo: str) -> None:
    if not login.startswith("/over"):
        need(Path(login).name)
    machine = Machine(tmp_path, login=login, sudo=sudo)
    machine.first('mkdir -p "$1/over"; cp "$(command -v busybox)" "$1/over/ash"')
    with machine:
        ssh = Ssh(machine.url("scientist"), context(answers=answers(machine)))
        assert ssh.run(ODD).out == SAID
        as_root(ssh)
        ssh.close()


@pytest.mark.parametrize("line", ["id -u", ODD, "true; false", "a\nb", "it's", "100%"])
def test_a_command_is_the_same_for_all(line: str) -> None:
    assert not {"\n", "!"} & set(portable(line))


@pytest.mark.parametrize("sudo", ["nopasswd", "password"])
@pytest.mark.parametrize(
    "more",
    [
        "Defaults requiretty\n",
        "Defaults requiretty\nDefaults use_pty\n",
        "Defaults lecture=always\n",
        "Defaults !visiblepw\nDefaults passwd_tries=1\n",
        "Defaults use_pty\n",
    ],
)
def test_sudo_in_all_its_moods(tmp_path: Path, context: Make, sudo: str, more: str) -> None:
    with Machine(tmp_path, sudo=sudo, sudoers=more) as machine:
        ssh = Ssh(machine.url("scientist"), context(answers=answers(machine)))
        as_root(ssh)
        ssh.close()


@pytest.mark.parametrize("more", ["", "Defaults requiretty\n"])
def test_a_wrong_password_for_sudo_is_asked_again(tmp_path: Path, context: Make, more: str) -> None:
    with Machine(tmp_path, sudo="password", sudoers=more) as machine:
        ctx = context(answers=answers(machine, "wrong"))
        ssh = Ssh(machine.url("scientist"), ctx)
        with pytest.raises(NeedsAnswer, match="refused") as caught:
            ssh.run("id -u", sudo=True)
        assert ctx.answers.get(caught.value.question.about) is None
        with pytest.raises(NeedsAnswer, match="asks for the password"):
            ssh.run("id -u", sudo=True)
        ssh.close()


@pytest.mark.parametrize("more", ["", "scientist ALL=(ALL) NOPASSWD: /usr/bin/true\n", "Defaults requiretty\n"])
def test_somebody_who_may_not_is_told_so(tmp_path: Path, context: Make, more: str) -> None:
    with Machine(tmp_path, sudo="none", sudoers=more) as machine:
        ssh = Ssh(machine.url("scientist"), context(answers=answers(machine)))
        with pytest.raises(JobError, match="may not use sudo") as caught:
            ssh.run("id -u", sudo=True)
        assert not isinstance(caught.value, NeedsAnswer)
        ssh.close()


def test_without_sudo_and_doas_that_is_said(tmp_path: Path, context: Make) -> None:
    with Machine(tmp_path, hide=("sudo", "doas")) as machine:
        ssh = Ssh(machine.url("scientist"), context(answers=answers(machine)))
        with pytest.raises(JobError, match="no sudo or doas"):
            ssh.run("id -u", sudo=True)
        ssh.close()


@pytest.mark.parametrize("right", ["permit nopass scientist", "permit scientist"])
def test_doas_where_there_is_no_sudo(tmp_path: Path, context: Make, right: str) -> None:
    need("doas")
    machine = Machine(tmp_path, hide=("sudo",))
    machine.first(f'echo "{right}" > "$1/etc/doas.conf"; chmod 600 "$1/etc/doas.conf"')
    with machine:
        ssh = Ssh(machine.url("scientist"), context(answers=answers(machine)))
        as_root(ssh)
        ssh.close()


def test_a_wrong_password_for_doas_is_asked_again(tmp_path: Path, context: Make) -> None:
    need("doas")
    machine = Machine(tmp_path, hide=("sudo",))
    machine.first('echo "permit scientist" > "$1/etc/doas.conf"; chmod 600 "$1/etc/doas.conf"')
    with machine:
        ssh = Ssh(machine.url("scientist"), context(answers=answers(machine, "wrong")))
        with pytest.raises(NeedsAnswer, match="refused"):
            ssh.run("id -u", sudo=True)
        ssh.close()


@pytest.mark.parametrize("user", ["root", "scientist"])
def test_start_up_files_may_talk(tmp_path: Path, user: str, sandbox: Callable[..., Sandbox]) -> None:
    machine = Machine(tmp_path, login="/bin/bash")
    machine.first(
        'for h in root home/scientist; do printf "echo Welcome to conda; echo 0\\n" > "$1/$h/.bashrc"; done\n'
        'sed -i "s,/root:/bin/sh,/root:/bin/bash," "$1/etc/passwd"'
    )
    with machine:
        look = sandbox(machine, user).look()
        assert [mount.path for mount in look.mounts] == ["/application"]
        assert look.hostname


@pytest.mark.parametrize(
    ("login", "sshd", "said"),
    [("/usr/sbin/nologin", "", "not available"), ("/bin/sh", "ForceCommand echo only backups here\n", "only backups")],
)
def test_a_login_that_runs_no_commands_is_said_with_its_words(
    tmp_path: Path, sandbox: Callable[..., Sandbox], login: str, sshd: str, said: str
) -> None:
    with Machine(tmp_path, login=login, sshd=sshd) as machine, pytest.raises(JobError, match=said) as caught:
        sandbox(machine, "scientist").look()
    assert not isinstance(caught.value, NeedsAnswer)
    assert caught.value.remedy


def test_one_session_at_a_time_is_enough(tmp_path: Path, sandbox: Callable[..., Sandbox]) -> None:
    with Machine(tmp_path, sudo="password", sshd="MaxSessions 1\n") as machine:
        made = sandbox(machine, "scientist", answers(machine))
        for _ in range(5):
            assert made.look().mounts


def test_full_and_closed_places_do_not_matter(tmp_path: Path, sandbox: Callable[..., Sandbox]) -> None:
    with Machine(tmp_path) as machine:
        machine.run("sh", "-c", "mount -t tmpfs -o ro,noexec none /tmp; mount -t tmpfs -o ro none /home")
        assert sandbox(machine, "scientist").look().mounts


def test_an_answer_that_is_cut_off_is_asked_for_again(tmp_path: Path, sandbox: Callable[..., Sandbox]) -> None:
    cut = 'ForceCommand sh -c "$SSH_ORIGINAL_COMMAND" | head -c 4000'
    with Machine(tmp_path, sshd=cut) as machine, pytest.raises(Transient, match="cut off in the middle"):
        sandbox(machine).look()
