"""The way to a server: jump hosts one after the other, each with its own key check and login, and ProxyCommand."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.context import Context
from app.errors import JobError, Transient
from app.ssh import Ssh
from app.stores.sftp import Sftp
from tests.ports import free_port
from tests.servers import until
from tests.servers.psshd import PasswordServer
from tests.servers.sshd import Sshd, alive, make_key
from tests.ssh.tools import asked, ssh_config, works

Make = Callable[..., Context]
RELAY = """
import os, socket, sys, threading
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
open(sys.argv[3], "w").write(str(os.getpid()))
def back():
    while data := line.recv(65536):
        os.write(1, data)
threading.Thread(target=back, daemon=True).start()
while data := os.read(0, 65536):
    line.sendall(data)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path) as server:
        yield server


@pytest.fixture
def jump(tmp_path: Path) -> Iterator[Sshd]:
    (tmp_path / "jump").mkdir()
    with Sshd(tmp_path / "jump") as jump:
        yield jump


@pytest.fixture
def second(tmp_path: Path) -> Iterator[Sshd]:
    (tmp_path / "second").mkdir()
    with Sshd(tmp_path / "second") as second:
        yield second


def behind(server: Sshd, *lines: str) -> str:
    """A block of the config for the host *behind*, which is *server*."""
    inner = "".join(f"  {line}\n" for line in lines)
    return f"Host behind\n  HostName 127.0.0.1\n  Port {server.port}\n  User {server.user}\n{inner}"


def block(name: str, server: Sshd, *lines: str) -> str:
    return behind(server, *lines).replace("Host behind", f"Host {name}", 1)


# --- ProxyJump


def test_every_host_on_the_way_is_asked_about(server: Sshd, jump: Sshd, second: Sshd, ctx: Context) -> None:
    ssh_config(behind(server, "ProxyJump one,two") + block("one", jump) + block("two", second))
    for host in (jump, second, server):
        assert asked(Ssh("ssh://behind", ctx)).question.detail == host.fingerprint
        host.known(ctx)
    assert works(Ssh("ssh://behind", ctx))
    assert "Accepted" in jump.log()
    assert "Accepted" in second.log()


def test_the_address_of_a_jump_host_may_stand_there(server: Sshd, jump: Sshd, second: Sshd, ctx: Context) -> None:
    way = f"{jump.user}@127.0.0.1:{jump.port},ssh://{second.user}@127.0.0.1:{second.port}"
    ssh_config(behind(server, f"ProxyJump {way}"))
    for host in (jump, second, server):
        host.known(ctx)
    assert works(Ssh("ssh://behind", ctx))


def test_a_store_is_reached_the_same_way(server: Sshd, jump: Sshd, ctx: Context) -> None:
    ssh_config(behind(server, "ProxyJump one") + block("one", jump))
    store = Sftp(f"sftp://behind{server.folder}/", jump.known(server.known(ctx)))
    store.open()
    store.write("a", iter([b"hello"]), 0, lambda count: None)
    assert (server.folder / "a").read_bytes() == b"hello"
    store.close()
    until(lambda: not jump.sessions())


def test_each_host_on_the_way_has_its_own_login(tmp_path: Path, server: Sshd, jump: Sshd, ctx: Context) -> None:
    key = make_key(tmp_path / "for-jump")
    (jump.place / "authorized").unlink()
    jump.let_in(key)
    ssh_config(behind(server, "ProxyJump one") + block("one", jump, f"IdentityFile {key}", "IdentitiesOnly yes"))
    assert works(Ssh("ssh://behind", jump.known(server.known(ctx))))


def test_a_jump_hosts_own_jump_host_is_used(server: Sshd, jump: Sshd, second: Sshd, ctx: Context) -> None:
    ssh_config(behind(server, "ProxyJump two") + block("two", second, "ProxyJump one") + block("one", jump))
    for host in (jump, second, server):
        host.known(ctx)
    assert works(Ssh("ssh://behind", ctx))
    assert "Accepted" in jump.log()


def test_a_jump_host_that_the_pattern_covers_does_not_jump_through_itself(
    server: Sshd, jump: Sshd, ctx: Context
) -> None:
    ssh_config(behind(server) + block("gate", jump) + "Host *\n  ProxyJump gate\n")
    assert works(Ssh("ssh://behind", jump.known(server.known(ctx))))


def test_jump_hosts_in_a_circle_are_told(server: Sshd, jump: Sshd, second: Sshd, ctx: Context) -> None:
    circle = block("one", jump, "ProxyJump two") + block("two", second, "ProxyJump one")
    ssh_config(behind(server, "ProxyJump one") + circle)
    with pytest.raises(JobError, match="circle") as caught:
        Ssh("ssh://behind", ctx).open()
    assert not isinstance(caught.value, Transient)


def test_a_password_of_a_jump_host_is_its_own(tmp_path: Path, server: Sshd, ctx: Context) -> None:
    with PasswordServer(tmp_path) as jump:  # it lets in, and then carries nobody
        ssh_config(behind(server, f"ProxyJump ada@127.0.0.1:{jump.port}"))
        question = asked(Ssh("ssh://behind", jump.known(server.known(ctx)))).question
        assert question.about == f"ssh://ada@127.0.0.1:{jump.port}"


def test_a_jump_host_that_carries_nobody_on_is_named(tmp_path: Path, server: Sshd, ctx: Context) -> None:
    (tmp_path / "jump").mkdir()
    with Sshd(tmp_path / "jump", options=["AllowTcpForwarding no"]) as jump:
        ssh_config(behind(server, "ProxyJump one") + block("one", jump))
        with pytest.raises(JobError, match=f"port {jump.port} does not carry you on") as caught:
            Ssh("ssh://behind", jump.known(server.known(ctx))).open()
        assert not isinstance(caught.value, Transient)


def test_nobody_listens_behind_a_jump_host(server: Sshd, jump: Sshd, ctx: Context) -> None:
    port = free_port()
    ssh_config(behind(server, "ProxyJump one").replace(str(server.port), str(port)) + block("one", jump))
    with pytest.raises(Transient, match=f"port {jump.port} cannot reach .*port {port}"):
        Ssh("ssh://behind", jump.known(ctx)).open()


def test_a_jump_host_that_goes_away_is_transient_and_found_again(server: Sshd, jump: Sshd, ctx: Context) -> None:
    ssh_config(behind(server, "ProxyJump one") + block("one", jump))
    ssh = Ssh("ssh://behind", jump.known(server.known(ctx)))
    ssh.open()
    threading.Timer(0.3, jump.cut).start()
    with pytest.raises(Transient):
        ssh.run("sleep 20")
    assert works(ssh)


def test_an_old_server_behind_a_jump_host(tmp_path: Path, jump: Sshd, ctx: Context) -> None:
    with Sshd(tmp_path, options=["MACs hmac-sha1"]) as server:
        ssh_config(behind(server, "ProxyJump one") + block("one", jump))
        ssh = Ssh("ssh://behind", jump.known(server.known(ctx)))
        question = asked(ssh).question
        assert question.about == f"old-ssh ssh://127.0.0.1:{server.port}"
        ctx.answers.give(question.about, question.detail)
        assert works(ssh)


# --- ProxyCommand


def through(server: Sshd, tmp_path: Path, command: str = "{python} {relay} %h %p {pid}") -> Path:
    relay, pid = tmp_path / "relay.py", tmp_path / "pid"
    relay.write_text(RELAY)
    ssh_config(behind(server, f"ProxyCommand {command.format(python=sys.executable, relay=relay, pid=pid)}"))
    return pid


def test_a_program_carries_the_line_and_ends_with_it(server: Sshd, tmp_path: Path, ctx: Context) -> None:
    pid = through(server, tmp_path)
    ssh = Ssh("ssh://behind", server.known(ctx))
    assert ssh.run("echo hello").out == b"hello\n"
    assert alive(int(pid.read_text()))
    ssh.close()
    until(lambda: not alive(int(pid.read_text())))


@pytest.mark.parametrize("how", ["a wrong login", "a question"])
def test_the_program_ends_when_the_login_fails(server: Sshd, tmp_path: Path, ctx: Context, how: str) -> None:
    pid = through(server, tmp_path)
    if how == "a wrong login":
        server.known(ctx)
        server.client_key.unlink()
    with pytest.raises(JobError):
        Ssh("ssh://behind", ctx).open()
    until(lambda: not alive(int(pid.read_text())))


def test_what_the_program_says_is_told(server: Sshd, tmp_path: Path, ctx: Context) -> None:
    through(server, tmp_path, "sh -c 'echo no such gate: \x1b[31mgate.example.org >&2; exit 3'")
    with pytest.raises(Transient, match=r"“no such gate: gate\.example\.org” and ended with status 3") as caught:
        Ssh("ssh://behind", server.known(ctx)).open()
    assert "\x1b" not in caught.value.message
    assert "ProxyCommand" in caught.value.message


def test_what_the_program_says_last_is_waited_for(server: Sshd, tmp_path: Path, ctx: Context) -> None:
    through(server, tmp_path, "sh -c '(sleep 0.3; echo no such gate >&2) </dev/null >&0 & exit 3'")
    with pytest.raises(Transient, match=r"“no such gate” and ended with status 3"):
        Ssh("ssh://behind", server.known(ctx)).open()


def test_a_program_that_is_not_there_is_told(server: Sshd, tmp_path: Path, ctx: Context) -> None:
    through(server, tmp_path, "no-such-program-here %h")
    with pytest.raises(Transient, match="no-such-program-here"):
        Ssh("ssh://behind", server.known(ctx)).open()


def test_openssh_itself_may_be_the_program(server: Sshd, jump: Sshd, tmp_path: Path, ctx: Context) -> None:
    options = f"-F none -i {jump.client_key} -o BatchMode=yes -o UserKnownHostsFile={tmp_path / 'kh'}"
    told = f"ssh {options} -o StrictHostKeyChecking=accept-new -p {jump.port} -W %h:%p {jump.user}@127.0.0.1"
    ssh_config(behind(server, f"ProxyCommand {told}"))
    assert works(Ssh("ssh://behind", server.known(ctx)))
    assert "Accepted" in jump.log()


# --- the line itself


def test_the_line_sends_at_once_and_is_kept_alive(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    line = ssh.transport.sock
    assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert line.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    if hasattr(socket, "TCP_KEEPIDLE"):
        assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
    assert ssh.transport.packetizer._Packetizer__keepalive_interval == 30  # type: ignore[attr-defined]
    ssh.close()
