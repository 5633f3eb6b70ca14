"""Keys that a real ssh-agent holds: found, used in a good order, and never in the way."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import app.ssh.agent
from app.context import Context, Event
from app.errors import JobError
from app.ssh import Ssh
from tests.servers import need
from tests.servers.agent import Agent, Relay
from tests.servers.sshd import Sshd, make_key
from tests.ssh.tools import asked, ssh_config, works

LIST, SIGN = 11, 13  # requests of the agent's protocol
Make = Callable[..., Context]


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Agent]:
    with Agent(tmp_path, monkeypatch) as agent:
        yield agent


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    """A server that takes none of the usual key files."""
    with Sshd(tmp_path, key=False) as server:
        yield server


def useless(agent: Agent, tmp_path: Path, count: int = 8) -> None:
    for number in range(count):
        agent.add(make_key(tmp_path / f"useless-{number}"))


def only_in(agent: Agent, key: Path) -> Path:
    """Give *key* to the agent and keep its public half only."""
    agent.add(key)
    key.unlink()
    return key


def test_what_the_agent_holds_is_used(agent: Agent, server: Sshd, tmp_path: Path, ctx: Context) -> None:
    server.let_in(key := make_key(tmp_path / "elsewhere"))
    agent.add(key)
    assert works(Ssh(server.url(), server.known(ctx)))
    ssh_config("IdentitiesOnly yes\n")
    with pytest.raises(JobError, match="did not let you in"):
        Ssh(server.url(), ctx).open()


@pytest.mark.parametrize("only", ["yes", "no"])
@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_the_named_key_is_found_among_many_that_only_the_agent_holds(
    agent: Agent, server: Sshd, tmp_path: Path, ctx: Context, only: str, kind: str
) -> None:
    useless(agent, tmp_path)
    server.let_in(key := make_key(tmp_path / "right", kind))
    only_in(agent, key)
    ssh_config(f"IdentityFile {key}{'.pub' if only == 'yes' else ''}\nIdentitiesOnly {only}\n")
    assert works(Ssh(server.url(), server.known(ctx)))


def test_the_named_key_file_goes_before_many_in_the_agent(
    agent: Agent, server: Sshd, tmp_path: Path, ctx: Context
) -> None:
    useless(agent, tmp_path)
    server.let_in(key := make_key(tmp_path / "right"))
    ssh_config(f"IdentityFile {key}\n")
    assert works(Ssh(server.url(), server.known(ctx)))


def test_the_usual_key_file_is_tried_among_many_in_the_agent(agent: Agent, tmp_path: Path, ctx: Context) -> None:
    useless(agent, tmp_path)
    with Sshd(tmp_path) as server:
        assert works(Ssh(server.url(), server.known(ctx)))


def test_a_locked_key_that_is_named_is_still_asked_for(
    agent: Agent, server: Sshd, tmp_path: Path, ctx: Context
) -> None:
    useless(agent, tmp_path)
    server.let_in(key := make_key(tmp_path / "right", passphrase="open sesame"))
    ssh_config(f"IdentityFile {key}\n")
    question = asked(Ssh(server.url(), server.known(ctx))).question
    assert question.about == f"key://{key}"
    ctx.answers.give(question.about, "open sesame")
    assert works(Ssh(server.url(), ctx))


def test_too_many_keys_are_told_with_the_way_out(agent: Agent, server: Sshd, tmp_path: Path, ctx: Context) -> None:
    useless(agent, tmp_path)
    with pytest.raises(JobError, match=r"3 more of your keys were not tried") as caught:
        Ssh(server.url(), server.known(ctx)).open()
    assert caught.value.topic == "login"
    assert server.log().count("Failed publickey") < 6


def test_an_agent_that_says_nothing_holds_nobody_up(
    tmp_path: Path, ctx: Context, events: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.ssh.agent, "ANSWER", 0.3)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "r"))
    with Sshd(tmp_path) as server, Relay(tmp_path / "r", None, lambda request: True):
        assert works(Ssh(server.url(), server.known(ctx)))
    assert [event.text for event in events if event.kind == "note"] == [
        "Your SSH agent does not answer, so the keys that it holds are not used."
    ]


def test_an_agent_that_never_signs_leaves_the_other_keys(
    tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.ssh.agent, "SIGN", 0.3)
    with Agent(tmp_path, monkeypatch) as agent, Sshd(tmp_path) as server:
        server.let_in(key := make_key(tmp_path / "elsewhere"))
        agent.add(key)
        monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "r"))
        with Relay(tmp_path / "r", agent.socket, lambda request: request == SIGN):
            assert works(Ssh(server.url(), server.known(ctx)))


def test_an_agent_that_refuses_to_sign_is_told(agent: Agent, server: Sshd, tmp_path: Path, ctx: Context) -> None:
    server.let_in(key := make_key(tmp_path / "elsewhere"))
    agent.add(key, "-c")  # it has to ask first, and has nobody to ask
    with pytest.raises(JobError, match=r"Your agent would not sign with its key test\."):
        Ssh(server.url(), server.known(ctx)).open()


@pytest.mark.parametrize("kind", ["ed25519", "rsa", "ecdsa"])
def test_a_certificate_in_the_agent(tmp_path: Path, ctx: Context, agent: Agent, kind: str) -> None:
    authority, key = make_key(tmp_path / "ca"), make_key(tmp_path / "elsewhere", kind)
    with Sshd(tmp_path, key=False, options=[f"TrustedUserCAKeys {authority}.pub"]) as server:
        sign = [need("ssh-keygen"), "-q", "-s", str(authority), "-I", "me", "-n", server.user, f"{key}.pub"]
        subprocess.run(sign, check=True, capture_output=True)
        only_in(agent, key)
        assert works(Ssh(server.url(), server.known(ctx)))


def test_the_agent_that_the_config_names(
    tmp_path: Path, server: Sshd, ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.let_in(key := make_key(tmp_path / "elsewhere"))
    with Agent(tmp_path, monkeypatch, usual=False) as agent:
        agent.add(key)
        ssh_config(f"Host 127.0.0.1\n  IdentityAgent {agent.socket}\n")
        assert works(Ssh(server.url(), server.known(ctx)))
        monkeypatch.setenv("SSH_AUTH_SOCK", str(agent.socket))
        ssh_config("IdentityAgent none\n")
        with pytest.raises(JobError, match="did not let you in"):
            Ssh(server.url(), ctx).open()


@pytest.mark.parametrize("there", [True, False])
def test_an_agent_that_is_gone(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    if there:
        (tmp_path / "gone").write_text("no socket")
    monkeypatch.setenv("SSH_AUTH_SOCK", str(tmp_path / "gone"))
    with Sshd(tmp_path) as server:
        assert works(Ssh(server.url(), server.known(ctx)))
