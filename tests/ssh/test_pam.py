"""PAM behind a real OpenSSH: its prompts, and passwords that must be changed before anything else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context
from app.errors import JobError, NeedsAnswer, Transient
from app.sandbox import Sandbox
from app.ssh import Ssh
from app.stores.sftp import Sftp
from tests.sandbox.machine import SUDO_PASSWORD, Machine
from tests.ssh.tools import asked, works

Make = Callable[..., Context]
EXPIRE = "sed -i 's/^\\(scientist:[^:]*\\):[0-9]*:/\\1:0:/' \"$1/etc/shadow\"\n"


def with_pam(tmp_path: Path, sshd: str, more: str = "") -> Machine:
    machine = Machine(tmp_path, sshd=f"{sshd}\nSubsystem sftp internal-sftp\n")
    pam = "auth required pam_unix.so\\naccount required pam_unix.so\\npassword required pam_unix.so\\n"
    machine.first(f"""
        sed -i 's/^UsePAM no/UsePAM yes/' "$1/etc/ssh/config"
        printf '{pam}session required pam_permit.so\\n' > "$1/etc/pam.d/sshd"
        {more}""")
    return machine


KEYBOARD = "KbdInteractiveAuthentication yes\nPasswordAuthentication no\nPubkeyAuthentication no"
PASSWORD = "KbdInteractiveAuthentication no\nPasswordAuthentication yes\nPubkeyAuthentication no"


@pytest.mark.parametrize("how", [KEYBOARD, PASSWORD], ids=["prompts", "password"])
def test_a_password_by_pam(tmp_path: Path, context: Make, how: str) -> None:
    with with_pam(tmp_path, how) as machine:
        ctx = context(answers=machine.answers())
        ssh = Ssh(machine.url("scientist"), ctx)
        question = asked(ssh).question
        assert (question.kind, question.about) == ("password", f"ssh://scientist@127.0.0.1:{machine.port}")
        ctx.answers.give(question.about, "a wrong one")
        assert "refused" in asked(ssh).question.text
        ctx.answers.give(question.about, SUDO_PASSWORD)
        assert works(ssh)


@pytest.mark.parametrize("order", ["publickey,keyboard-interactive", "keyboard-interactive,publickey"])
@pytest.mark.parametrize("beforehand", [True, False])
def test_a_key_and_a_password_by_pam(tmp_path: Path, context: Make, order: str, beforehand: bool) -> None:
    both = KEYBOARD.replace("PubkeyAuthentication no", f"AuthenticationMethods {order}")
    with with_pam(tmp_path, both) as machine:
        ctx = context(answers=machine.answers())
        ssh = Ssh(machine.url("scientist"), ctx)
        about = ssh.url if beforehand else asked(ssh).question.about
        ctx.answers.give(about, SUDO_PASSWORD)
        assert works(ssh)
        assert b"Accepted " in (machine.place / "console").read_bytes()


def test_a_password_and_then_a_key(tmp_path: Path, context: Make) -> None:
    both = PASSWORD.replace("PubkeyAuthentication no", "AuthenticationMethods password,publickey")
    with with_pam(tmp_path, both) as machine:
        ctx = context(answers=machine.answers())
        ssh = Ssh(machine.url("scientist"), ctx)
        ctx.answers.give(asked(ssh).question.about, SUDO_PASSWORD)
        assert works(ssh)


@pytest.mark.parametrize("how", [KEYBOARD, PASSWORD, "PubkeyAuthentication yes"], ids=["prompts", "password", "key"])
@pytest.mark.parametrize("door", ["sandbox", "store"])
def test_a_password_that_must_be_changed_first(tmp_path: Path, context: Make, how: str, door: str) -> None:
    with with_pam(tmp_path, how, EXPIRE) as machine:
        url = machine.url("scientist")
        url = url if door == "sandbox" else f"sftp{url[3:]}/home/scientist/"
        answers = {**machine.answers(), f"{url.partition(':')[0]}://scientist@127.0.0.1:{machine.port}": SUDO_PASSWORD}
        ctx = context(answers=answers)
        opened = Sandbox(url, ctx) if door == "sandbox" else Sftp(url, ctx)
        with pytest.raises(JobError, match="expired and must be changed") as caught:
            opened.look() if isinstance(opened, Sandbox) else opened.open()
        assert not isinstance(caught.value, NeedsAnswer | Transient)
        assert "choose a new password" in caught.value.remedy
        opened.close()
        assert SUDO_PASSWORD not in (machine.place / "console").read_text(errors="replace")


def test_an_account_that_has_ended_is_thought_of(tmp_path: Path, context: Make) -> None:
    ended = "sed -i 's/^\\(scientist:.*\\)::$/\\1:1:/' \"$1/etc/shadow\"\n"
    with with_pam(tmp_path, PASSWORD, ended) as machine:
        answers = {**machine.answers(), f"ssh://scientist@127.0.0.1:{machine.port}": SUDO_PASSWORD}
        problem = asked(Ssh(machine.url("scientist"), context(answers=answers)))
        assert "the account there has ended" in problem.message
