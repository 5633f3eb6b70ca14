"""Logging in as OpenSSH does: keys, passwords, host keys, ~/.ssh/config, jumps; on real servers."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.context import Context
from app.errors import Cancelled, JobError, NeedsAnswer, Transient
from app.ssh import Ssh
from app.ssh.hostkeys import ours
from tests.ports import free_port
from tests.servers import need
from tests.servers.psshd import SECRET, PasswordServer
from tests.servers.sshd import Sshd, fingerprint, make_key
from tests.ssh.tools import asked, known_hosts, public, ssh_config, works

Make = Callable[..., Context]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Sshd]:
    with Sshd(tmp_path) as server:
        yield server


# --- commands


def test_a_command_gives_output_errors_and_status(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    result = ssh.run("cat; echo bad >&2; exit 7", b"given")
    assert (result.status, result.out, result.err, result.ok) == (7, b"given", b"bad\n", False)
    ssh.close()


def test_much_goes_both_ways_at_once(server: Sshd, ctx: Context) -> None:
    data = os.urandom(5_000_000)
    ssh = Ssh(server.url(), server.known(ctx))
    result = ssh.run("tee /dev/stderr", data)
    assert result.out == data
    assert result.err == data
    ssh.close()


def test_a_command_need_not_read_what_it_is_given(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    assert ssh.run("echo early", os.urandom(9_000_000)).out == b"early\n"
    assert works(ssh)


def test_a_command_that_never_ends_is_given_up(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    with pytest.raises(JobError, match="did not end in time"):
        ssh.run("sleep 100", timeout=0.3)
    assert works(ssh)


def test_a_command_ended_by_a_signal_is_no_success(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    assert not ssh.run("kill -9 $$").ok
    ssh.close()


def test_cancel_ends_the_wait_for_a_command(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    ssh.open()
    threading.Timer(0.3, ctx.cancel.set).start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        ssh.run("sleep 100", timeout=0)
    assert time.monotonic() - began < 15
    ssh.close()


def test_a_cut_line_is_transient_and_the_next_call_connects_anew(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    ssh.open()
    threading.Timer(0.3, server.cut).start()
    with pytest.raises(Transient):
        ssh.run("sleep 100")
    assert works(ssh)


def test_small_files_by_sftp(server: Sshd, ctx: Context) -> None:
    ssh = Ssh(server.url(), server.known(ctx))
    with ssh.sftp() as sftp, sftp.open(str(server.folder / "a"), "w") as file:
        file.write("hello")
    assert (server.folder / "a").read_text() == "hello"
    ssh.close()


# --- host keys


def test_an_unknown_host_is_asked_about_once(server: Sshd, context: Make) -> None:
    problem = asked(Ssh(server.url(), context()))
    assert problem.question.kind == "host-key"
    assert problem.question.about == f"host-key ssh://127.0.0.1:{server.port}"
    assert problem.question.detail == server.fingerprint
    assert server.fingerprint in problem.question.text
    assert works(Ssh(server.url(), server.known(context())))
    assert works(Ssh(server.url(), context()))  # kept in our own file
    assert not (Path.home() / ".ssh" / "known_hosts").exists()


def test_a_wrong_answer_about_a_host_key_lets_nobody_in(server: Sshd, ctx: Context) -> None:
    ctx.answers.give(f"host-key ssh://127.0.0.1:{server.port}", "yes")
    assert asked(Ssh(server.url(), ctx)).question.kind == "host-key"


def test_a_changed_host_key_is_asked_about_in_red_before_any_login(server: Sshd, tmp_path: Path, context: Make) -> None:
    make_key(tmp_path / "other")
    other = " ".join((tmp_path / "other.pub").read_text().split()[:2])
    known_hosts(f"[127.0.0.1]:{server.port} {other}")
    problem = asked(Ssh(server.url(), context()))
    assert problem.question.kind == "host-key-changed"
    assert server.fingerprint in problem.question.text
    assert fingerprint(tmp_path / "other") in problem.question.text
    assert "Accepted" not in server.log()
    assert works(Ssh(server.url(), server.known(context())))
    assert works(Ssh(server.url(), context()))


def test_accepting_a_change_replaces_what_was_kept(tmp_path: Path, context: Make) -> None:
    port = free_port()
    with Sshd(tmp_path, port=port) as server:
        assert works(Ssh(server.url(), server.known(context())))
    for half in (server.host_keys[0], server.host_keys[0].with_name("host_ed25519.pub")):
        half.unlink()
    with Sshd(tmp_path, port=port) as server:
        assert asked(Ssh(server.url(), context())).question.kind == "host-key-changed"
        assert works(Ssh(server.url(), server.known(context())))
    assert len(ours().read_text().splitlines()) == 1


@pytest.mark.parametrize("form", ["plain", "hashed", "wildcard", "among others"])
def test_the_forms_of_known_hosts(server: Sshd, ctx: Context, form: str) -> None:
    name = f"[127.0.0.1]:{server.port}"
    names = {"wildcard": f"[127.0.*]:{server.port}", "among others": f"example.org,{name},*.example.org"}
    broken = "" if form == "hashed" else "broken line\nhost ssh-rsa %%%\n"
    known_hosts(f"# mine\n\n{broken}{names.get(form, name)} {public(server)} comment")
    if form == "hashed":
        file = Path.home() / ".ssh" / "known_hosts"
        subprocess.run([need("ssh-keygen"), "-q", "-H", "-f", str(file)], check=True, capture_output=True)
        assert "127.0.0.1" not in file.read_text()
    assert works(Ssh(server.url(), ctx))


def test_a_line_that_excludes_the_host_does_not_count(server: Sshd, ctx: Context) -> None:
    known_hosts(f"*,![127.0.0.1]:{server.port} {public(server)}")
    assert asked(Ssh(server.url(), ctx)).question.kind == "host-key"


def test_a_revoked_key_is_refused_whatever_was_answered(server: Sshd, ctx: Context) -> None:
    known_hosts(f"[127.0.0.1]:{server.port} {public(server)}\n@revoked * {public(server)}")
    with pytest.raises(JobError, match="stolen") as caught:
        Ssh(server.url(), server.known(ctx)).open()
    assert not isinstance(caught.value, NeedsAnswer | Transient)


@pytest.mark.parametrize("known", [0, 1, 2])
def test_a_server_with_several_keys_is_recognised_by_the_known_one(tmp_path: Path, ctx: Context, known: int) -> None:
    with Sshd(tmp_path, host_keys=("ed25519", "rsa", "ecdsa")) as server:
        known_hosts(f"[127.0.0.1]:{server.port} {public(server, known)}")
        assert works(Ssh(server.url(), ctx))


# --- logins


def test_no_key_and_no_password_says_what_the_server_takes(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, key=False) as server, pytest.raises(JobError, match="did not let you in") as caught:
        Ssh(server.url(), server.known(ctx)).open()
    assert "publickey" in caught.value.message
    assert not isinstance(caught.value, NeedsAnswer | Transient)


def test_a_password_is_asked_for_and_used_once(tmp_path: Path, context: Make) -> None:
    with PasswordServer(tmp_path) as server:
        question = asked(Ssh(server.url(), server.known(context()))).question
        assert (question.kind, question.about) == ("password", f"ssh://ada@127.0.0.1:{server.port}")
        assert works(Ssh(server.url(), server.password(server.known(context()))))
        assert server.attempts == [SECRET]


@pytest.mark.parametrize("method", ["password", "questions"])
def test_a_wrong_password_is_tried_once_then_forgotten_and_asked_again(
    tmp_path: Path, ctx: Context, method: str
) -> None:
    with PasswordServer(tmp_path, method) as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx), secret="wrong"))
        problem = asked(ssh)
        assert "refused" in problem.question.text
        assert "wrong" not in problem.question.text
        assert ctx.answers.get(problem.question.about) is None
        asked(ssh)  # without an answer there is no further attempt
        assert server.attempts == ["wrong"]


def test_a_server_that_asks_questions_gets_the_password(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "questions") as server:
        assert works(Ssh(server.url(), server.password(server.known(ctx))))


def test_an_encrypted_key_asks_for_its_passphrase(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, key=False) as server:
        server.let_in(make_key(server.client_key, passphrase="open sesame"))
        ssh = Ssh(server.url(), server.known(ctx))
        question = asked(ssh).question
        assert (question.kind, question.about) == ("passphrase", f"key://{server.client_key}")
        ctx.answers.give(question.about, "wrong one")
        again = asked(ssh).question
        assert again.about == question.about
        assert "not the passphrase" in again.text
        assert ctx.answers.get(question.about) is None
        ctx.answers.give(question.about, "open sesame")
        assert works(ssh)


def test_a_key_that_stays_locked_leaves_the_password(tmp_path: Path, ctx: Context) -> None:
    make_key(Path.home() / ".ssh" / "id_ed25519", passphrase="open sesame")
    with PasswordServer(tmp_path) as server:
        assert works(Ssh(server.url(), server.password(server.known(ctx))))


def test_a_server_of_few_attempts_asks_for_the_password_and_gets_it_before_the_keys_run_out(
    tmp_path: Path, ctx: Context
) -> None:
    for kind in ("ed25519", "ecdsa", "rsa"):
        make_key(Path.home() / ".ssh" / f"id_{kind}", kind)
    few = ["MaxAuthTries 2", "PasswordAuthentication yes"]
    with Sshd(tmp_path, key=False, options=few) as server:
        question = asked(Ssh(server.url(), server.known(ctx))).question
        assert question.kind == "password"
        ctx.answers.give(question.about, "not the password")
        assert "it is wrong, or the account" in asked(Ssh(server.url(), ctx)).question.text  # it hangs up at once
        assert server.log().count("Failed password") == 1


# --- ~/.ssh/config


def test_the_config_gives_host_port_user_and_key(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, key=False) as server:
        key = make_key(tmp_path / "special")
        server.let_in(key)
        more = Path.home() / ".ssh" / "more.conf"
        ssh_config(
            f'Include more.conf\nMatch exec "touch {tmp_path / "run"}"\n  User evil\nHost *\n  User {server.user}\n'
        )
        more.write_text(
            f"Host sandbox\n  HostName 127.0.0.1\n  Port {server.port}\n"
            f"  IdentityFile {key}\n  StrictHostKeyChecking no\n"
        )
        question = asked(Ssh("ssh://sandbox", ctx)).question  # not weakened by the config
        assert question.about == f"host-key ssh://127.0.0.1:{server.port}"
        assert works(Ssh("ssh://sandbox", server.known(ctx)))
        assert not (tmp_path / "run").exists()


def test_what_the_address_says_wins_over_the_config(server: Sshd, ctx: Context) -> None:
    ssh_config("Host *\n  User nobody-here\n  Port 1\n")
    assert works(Ssh(server.url(), server.known(ctx)))


def test_another_known_hosts_file(server: Sshd, tmp_path: Path, ctx: Context) -> None:
    (tmp_path / "kh").write_text(f"[127.0.0.1]:{server.port} {public(server)}\n")
    ssh_config(f"UserKnownHostsFile {tmp_path / 'kh'}\n")
    assert works(Ssh(server.url(), ctx))


def test_a_config_that_makes_no_sense_is_told(ctx: Context) -> None:
    ssh_config("Port twentytwo\n")
    with pytest.raises(JobError, match="config"):
        Ssh("ssh://somewhere", ctx).open()


# --- the network


def test_nobody_listens(ctx: Context) -> None:
    with pytest.raises(Transient, match="refuses"):
        Ssh(f"ssh://me@127.0.0.1:{free_port()}", ctx).open()


def test_a_name_that_does_not_exist(ctx: Context) -> None:
    with pytest.raises(Transient, match="name"):
        Ssh("ssh://me@no-such-host.invalid", ctx).open()


def test_something_that_is_no_ssh_server(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    import http.server

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        with pytest.raises(Transient, match="does not answer like an SSH server"):
            Ssh(f"ssh://me@127.0.0.1:{web.server_port}", ctx).open()
        web.shutdown()


def test_cancel_while_the_server_says_nothing(ctx: Context) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        threading.Timer(0.3, ctx.cancel.set).start()
        began = time.monotonic()
        with pytest.raises(Cancelled):
            Ssh(f"ssh://me@127.0.0.1:{silent.getsockname()[1]}", ctx).open()
        assert time.monotonic() - began < 15


def test_paramiko_prints_nothing(tmp_path: Path, ctx: Context, capfd: pytest.CaptureFixture[str]) -> None:
    with Sshd(tmp_path) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        ssh.open()
        server.cut()
        time.sleep(0.3)
        ssh.close()
    assert capfd.readouterr().err == ""


# --- sudo (its other moods: tests/sandbox/test_login.py)


def test_root_needs_no_sudo(server: Sshd, ctx: Context) -> None:
    if os.geteuid():
        pytest.skip("the tests do not run as root")
    ssh = Ssh(server.url(), server.known(ctx))
    assert ssh.run("id -u", sudo=True).out == b"0\n"
    ssh.close()
