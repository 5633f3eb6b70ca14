"""Servers of CentOS 6's age (OpenSSH 5.3): asked about, for one host, told; what cannot be done is said honestly."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app import engine, receipt
from app.context import Context, Event
from app.errors import JobError, NeedsAnswer, Transient
from app.job import Job
from app.journal import read
from app.secrets import Answers
from app.ssh import Ssh
from app.ssh import old as ways
from tests.servers.psshd import PasswordServer
from tests.servers.sshd import Sshd, make_key
from tests.ssh.tools import asked, ssh_config, works

CENTOS_6 = [
    "KexAlgorithms diffie-hellman-group14-sha1",
    "HostKeyAlgorithms ssh-rsa",
    "PubkeyAcceptedAlgorithms ssh-rsa,ssh-ed25519",
    "Ciphers aes128-cbc",
    "MACs hmac-sha1",
]
OLD_WAYS = "aes128-cbc, diffie-hellman-group14-sha1, hmac-sha1, ssh-rsa"
Make = Callable[..., Context]


def old(tmp_path: Path, **more: str) -> Sshd:
    options = [f"{name} {value}" for name, value in more.items()]
    return Sshd(tmp_path, host_keys=("rsa",), options=[*options, *CENTOS_6])


def with_rsa(server: Sshd) -> Sshd:
    """Only an RSA key, signed by SHA-1, opens this server."""
    key = make_key(Path.home() / ".ssh" / "id_rsa", "rsa")
    (server.place / "authorized").unlink(missing_ok=True)
    server.let_in(key)
    return server


def test_an_old_server_is_asked_about_before_anything_is_sent_and_told_afterwards(
    tmp_path: Path, context: Make, events: list[Event]
) -> None:
    with old(tmp_path) as server:
        ctx = server.known(context())
        problem = asked(Ssh(server.url(), ctx))
        question = problem.question
        assert (question.kind, question.about) == ("old-server", f"old-ssh ssh://127.0.0.1:{server.port}")
        assert question.detail == OLD_WAYS
        assert problem.topic == "old-server"
        ctx.answers.give(question.about, question.detail)
        assert works(Ssh(server.url(), ctx))
        assert works(Ssh(server.url(), context()))  # kept for this host
        told = [event.text for event in events if event.kind == "finding"]
        assert told == [f"127.0.0.1, port {server.port} is reached by old ways of SSH, as you agreed."] * 2
        with old(tmp_path) as other:  # and for no other
            assert asked(Ssh(other.url(), other.known(context()))).question.kind == "old-server"


def test_the_report_names_it(tmp_path: Path) -> None:
    (disk := tmp_path / "disk.raw").write_bytes(bytes(1 << 20))
    with old(tmp_path) as server:
        answers = {f"host-key ssh://127.0.0.1:{server.port}": server.fingerprint}
        answers[f"old-ssh ssh://127.0.0.1:{server.port}"] = OLD_WAYS
        job = Job(disk.as_uri(), server.url("sftp"), id="old", prove=False)
        given = Answers(answers, use_keyring=False)
        found = engine.check(job, tmp_path / "job", lambda event: None, threading.Event(), given)
    titles = [finding["title"] for finding in receipt.findings(read(tmp_path / "job" / "journal.jsonl"))]
    assert [title for title in titles if "old ways" in title] == [
        f"127.0.0.1, port {server.port} is reached by old ways of SSH, as you agreed."
    ]
    assert titles == [finding.title for finding in found]


def test_a_yes_that_is_not_this_yes_is_asked_again(tmp_path: Path, context: Make) -> None:
    with old(tmp_path) as server:
        ctx = server.known(context(answers={f"old-ssh ssh://127.0.0.1:{server.port}": "yes"}))
        assert asked(Ssh(server.url(), ctx)).question.kind == "old-server"


def test_an_old_way_that_was_not_agreed_to_is_asked_about_anew(tmp_path: Path, context: Make) -> None:
    with Sshd(tmp_path, options=["MACs hmac-sha1"]) as server:
        ctx = server.known(context())
        question = asked(Ssh(server.url(), ctx)).question
        ctx.answers.give(question.about, question.detail)
        assert works(Ssh(server.url(), ctx))
        port = server.port
    with Sshd(tmp_path, options=["MACs hmac-sha1", "Ciphers aes256-cbc"], port=port) as server:
        assert asked(Ssh(server.url(), ctx)).question.detail == "aes256-cbc, hmac-sha1"


@pytest.fixture
def rsa() -> Path:
    return make_key(Path.home() / ".ssh" / "id_rsa", "rsa").with_suffix(".pub")


def test_the_persons_rsa_key_signs_by_sha_1_once_that_is_agreed(tmp_path: Path, context: Make, rsa: Path) -> None:
    with PasswordServer(tmp_path, "key", keys=[rsa], old=True) as server:  # says that it is OpenSSH 5.3
        ctx = server.known(context())
        question = asked(Ssh(server.url(), ctx)).question
        assert question.detail == "ssh-rsa"  # its host key; the same word covers the person's
        ctx.answers.give(question.about, question.detail)
        ssh = Ssh(server.url(), ctx)
        ssh.open()
        assert ssh.transport._agreed_pubkey_algorithm == "ssh-rsa"  # type: ignore[attr-defined]
        ssh.close()


def test_only_the_persons_rsa_key_needs_the_old_way(
    tmp_path: Path, context: Make, rsa: Path, events: list[Event]
) -> None:
    with PasswordServer(tmp_path, "key", keys=[rsa], says="SSH-2.0-OpenSSH_6.6") as server:
        make_key(Path.home() / ".ssh" / "id_ed25519")
        ctx = server.known(context())
        question = asked(Ssh(server.url(), ctx)).question
        assert (question.kind, question.detail) == ("old-server", "ssh-rsa")
        ctx.answers.give(question.about, question.detail)
        assert works(Ssh(server.url(), ctx))
        assert works(Ssh(server.url(), ctx))
        assert [event.kind for event in events].count("finding") == 1


def test_a_server_that_does_not_say_how_it_wants_rsa_keys_signed(
    tmp_path: Path, context: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    # sshd of today names SHA-2 even where it takes SHA-1 only, so it is made to seem silent
    monkeypatch.setattr(ways, "_signatures", lambda transport: b"")
    with with_rsa(Sshd(tmp_path, options=["PubkeyAcceptedAlgorithms ssh-rsa"])) as server:
        ctx = server.known(context())
        question = asked(Ssh(server.url(), ctx)).question
        assert "does not take your RSA key as such keys sign today" in question.text
        ctx.answers.give(question.about, question.detail)
        assert works(Ssh(server.url(), ctx))


def test_a_key_of_another_kind_goes_before_the_question(tmp_path: Path, ctx: Context, rsa: Path) -> None:
    other = make_key(Path.home() / ".ssh" / "id_ed25519").with_suffix(".pub")
    ssh_config("IdentityFile ~/.ssh/id_rsa\nIdentityFile ~/.ssh/id_ed25519\n")
    with PasswordServer(tmp_path, "key", keys=[rsa, other], says="SSH-2.0-OpenSSH_6.6") as server:
        assert works(Ssh(server.url(), server.known(ctx)))


def test_an_rsa_key_is_signed_by_sha_2_where_both_are_known(tmp_path: Path, ctx: Context) -> None:
    with with_rsa(Sshd(tmp_path)) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        ssh.open()
        assert ssh.transport._agreed_pubkey_algorithm == "rsa-sha2-512"  # type: ignore[attr-defined]
        ssh.close()


@pytest.mark.parametrize(
    "kex", ["diffie-hellman-group1-sha1", "diffie-hellman-group-exchange-sha1", "diffie-hellman-group14-sha1"]
)
@pytest.mark.parametrize("cipher", ["aes256-cbc", "3des-cbc"])
def test_what_the_library_still_knows_works_once_agreed_to(
    tmp_path: Path, context: Make, kex: str, cipher: str
) -> None:
    with old(tmp_path, KexAlgorithms=kex, Ciphers=cipher) as server:
        ctx = server.known(context())
        question = asked(Ssh(server.url(), ctx)).question
        assert {kex, cipher} < set(question.detail.split(", "))
        ctx.answers.give(question.about, question.detail)
        assert works(Ssh(server.url(), ctx))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["Ciphers chacha20-poly1305@openssh.com"], "for the encryption it offers chacha20-poly1305@openssh.com only"),
        (["KexAlgorithms sntrup761x25519-sha512@openssh.com"], "for the key exchange it offers sntrup761x25519"),
        (["MACs umac-64@openssh.com", "Ciphers aes128-ctr"], "for the checksum it offers umac-64@openssh.com only"),
    ],
)
def test_what_cannot_be_done_is_said_by_name(tmp_path: Path, ctx: Context, options: list[str], words: str) -> None:
    with Sshd(tmp_path, options=options) as server, pytest.raises(JobError, match=words) as caught:
        Ssh(server.url(), server.known(ctx)).open()
    assert not isinstance(caught.value, Transient | NeedsAnswer)
    assert "old" not in caught.value.message


def test_a_host_key_of_a_kind_that_is_gone(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, host_keys=("dsa",), options=["HostKeyAlgorithms ssh-dss"]) as server:
        with pytest.raises(JobError, match="for the host key it offers ssh-dss only") as caught:
            Ssh(server.url(), server.known(ctx)).open()
        assert not isinstance(caught.value, Transient | NeedsAnswer)


def test_the_curve_by_its_standard_name_only(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path, options=["KexAlgorithms curve25519-sha256"]) as server:
        assert works(Ssh(server.url(), server.known(ctx)))


@pytest.mark.parametrize(("ciphers", "chosen"), [("", "aes128-gcm@openssh.com"), ("aes256-ctr", "aes256-ctr")])
def test_the_fastest_cipher_that_both_can(tmp_path: Path, ctx: Context, ciphers: str, chosen: str) -> None:
    with Sshd(tmp_path, options=[f"Ciphers {ciphers}"] if ciphers else []) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        assert ssh.transport.local_cipher == ssh.transport.remote_cipher == chosen  # type: ignore[attr-defined]
        ssh.close()
