"""A line that is cut in a first login, at every stage of it: what may pass is tried again, a refusal is not."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.context import Context
from app.errors import NeedsAnswer, Transient
from app.ssh import Ssh
from tests.faults import Relay
from tests.servers import until
from tests.servers.psshd import SECRET, PasswordServer
from tests.servers.sshd import Sshd, make_key
from tests.ssh.tools import asked, works

PLACES = 25  # at which the line is cut, over the whole login


@pytest.fixture(autouse=True)
def let_in(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The logins that have worked so far: none, and a test may make it so again."""
    logins: set[str] = set()
    monkeypatch.setattr("app.ssh.login._LET_IN", logins)
    return logins


@pytest.fixture
def relay(tmp_path: Path, ctx: Context) -> Iterator[tuple[Relay, Ssh]]:
    """The line to OpenSSH's server, and who logs in over it."""
    with Sshd(tmp_path) as server, Relay(server.port, both=True) as made:
        ctx.answers.give(f"host-key ssh://{Relay.HOST}:{server.port}", server.fingerprint)
        yield made, Ssh(made.url(server.url()), ctx)


def cuts(relay: Relay, ssh: Ssh) -> list[int]:
    """The bytes at which to cut, of a login that has not been cut."""
    before = relay.passed
    ssh.open()
    whole = relay.passed - before
    ssh.close()
    return [*range(0, whole, whole // PLACES), whole - 60, whole - 1]


def stubborn(ssh: Ssh) -> None:
    """Log in as the engine does, which tries again what may pass, and nothing else."""
    for _ in range(3):
        with contextlib.suppress(Transient):
            return ssh.open()
    return ssh.open()


@pytest.mark.parametrize("how", ["all", "one", "end"])
def test_a_first_login_that_is_cut_is_tried_again(relay: tuple[Relay, Ssh], let_in: set[str], how: str) -> None:
    line, ssh = relay
    for cut in cuts(*relay):
        let_in.clear()
        line.cut_after(cut, how)
        stubborn(ssh)
        ssh.close()


def test_a_line_that_is_cut_takes_no_password_for_wrong(tmp_path: Path, ctx: Context, let_in: set[str]) -> None:
    with PasswordServer(tmp_path, "password") as server, Relay(server.port, both=True) as line:
        ctx.answers.give(f"host-key ssh://{Relay.HOST}:{server.port}", server.fingerprint)
        ctx.answers.give(about := f"ssh://ada@{Relay.HOST}:{server.port}", SECRET)
        ssh = Ssh(line.url(server.url()), ctx)
        for cut in cuts(line, ssh):
            let_in.clear()
            line.cut_after(cut, "end")
            stubborn(ssh)
            ssh.close()
            assert ctx.answers.get(about) == SECRET
        assert set(server.attempts) == {SECRET}


def test_one_end_in_place_of_an_answer_is_a_cut_and_two_are_the_answer(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "password") as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx)))
        server.hangs_up = 1
        assert works(ssh)
        assert server.attempts == [SECRET] * 2


def test_a_server_that_hangs_up_at_a_wrong_password_is_asked_twice_and_no_more(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "password") as server:
        server.hangs_up = 9
        problem = asked(Ssh(server.url(), server.password(server.known(ctx), secret="wrong")))
        assert "it is wrong, or the account" in problem.message
        assert server.attempts == ["wrong"] * 2


def test_a_server_that_says_that_it_hangs_up_is_believed_at_once(tmp_path: Path, ctx: Context) -> None:
    make_key(Path.home() / ".ssh" / "id_ed25519")
    with Sshd(tmp_path, key=False, options=["MaxAuthTries 1", "PasswordAuthentication yes"]) as server:
        with pytest.raises(NeedsAnswer, match="ended the login after 1 keys"):
            Ssh(server.url(), server.known(ctx)).open()
        assert server.log().count("Connection from") <= 1
        until(lambda: server.log().count("Too many authentication failures") == 1)  # it tells us first, then its log


def test_a_refused_password_is_sent_once_although_the_line_ends_behind_it(tmp_path: Path, ctx: Context) -> None:
    few = ["MaxAuthTries 2", "PasswordAuthentication yes"]
    with Sshd(tmp_path, key=False, options=few) as server:
        ctx.answers.give(f"ssh://{server.user}@127.0.0.1:{server.port}", "not the password")
        assert isinstance(asked(Ssh(server.url(), server.known(ctx))), NeedsAnswer)
        assert server.log().count("Failed password") == 1
