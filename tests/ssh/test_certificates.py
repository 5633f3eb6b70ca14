"""OpenSSH certificates, of people and of hosts, made by ssh-keygen and shown to and by a real sshd."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from app.context import Context
from app.errors import JobError, NeedsAnswer, Transient
from app.ssh import Ssh
from tests.servers import need
from tests.servers.agent import Agent
from tests.servers.sshd import Sshd, make_key
from tests.ssh.tools import asked, known_hosts, public, ssh_config, works

Make = Callable[..., Context]
PAST, FUTURE = "20200101:20200201", "20500101:20500201"


def certify(authority: Path, key: Path, *options: str) -> Path:
    """Have *authority* sign *key*; the certificate lies beside it."""
    command = [need("ssh-keygen"), "-q", "-s", str(authority), "-I", "a test", *options, f"{key}.pub"]
    subprocess.run(command, check=True, capture_output=True)
    return key.with_name(f"{key.name}-cert.pub")


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    return make_key(tmp_path / "ca")


def trusting(tmp_path: Path, authority: Path) -> Sshd:
    """A server that takes this authority's people, and no key."""
    return Sshd(tmp_path, key=False, options=[f"TrustedUserCAKeys {authority}.pub"])


# --- of people


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_certificate_beside_the_key(tmp_path: Path, ctx: Context, authority: Path, kind: str) -> None:
    with trusting(tmp_path, authority) as server:
        certify(authority, make_key(Path.home() / ".ssh" / f"id_{kind}", kind), "-n", server.user)
        assert works(Ssh(server.url(), server.known(ctx)))


def test_the_certificate_that_the_config_names(tmp_path: Path, ctx: Context, authority: Path) -> None:
    with trusting(tmp_path, authority) as server:
        certificate = certify(authority, make_key(server.client_key), "-n", server.user)
        ssh_config(f"CertificateFile {certificate.rename(tmp_path / 'elsewhere')}\n")
        assert works(Ssh(server.url(), server.known(ctx)))


def test_the_certificate_of_a_locked_key(tmp_path: Path, ctx: Context, authority: Path) -> None:
    with trusting(tmp_path, authority) as server:
        certify(authority, make_key(server.client_key, passphrase="open sesame"), "-n", server.user)
        ctx.answers.give(f"key://{server.client_key}", "open sesame")
        assert works(Ssh(server.url(), server.known(ctx)))


def test_the_certificate_file_of_a_key_in_the_agent(
    tmp_path: Path, ctx: Context, authority: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with trusting(tmp_path, authority) as server, Agent(tmp_path, monkeypatch) as agent:
        agent.add(key := make_key(server.client_key))
        certify(authority, key, "-n", server.user)  # after the agent has got the bare key
        key.unlink()
        assert works(Ssh(server.url(), server.known(ctx)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-n", "USER", "-V", PAST], "was valid until"),
        (["-n", "USER", "-V", FUTURE], "is valid from"),
        (["-n", "somebody,else"], "is for somebody and else, not for USER"),
    ],
)
def test_a_certificate_that_is_not_good_is_told(
    tmp_path: Path, ctx: Context, authority: Path, options: list[str], words: str
) -> None:
    with trusting(tmp_path, authority) as server:
        certify(authority, make_key(server.client_key), *(word.replace("USER", server.user) for word in options))
        with pytest.raises(JobError, match=words.replace("USER", server.user)) as caught:
            Ssh(server.url(), server.known(ctx)).open()
        assert "id_ed25519-cert.pub" in caught.value.message


def test_the_key_itself_goes_on_being_good(tmp_path: Path, ctx: Context, authority: Path) -> None:
    with Sshd(tmp_path) as server:
        certify(authority, server.client_key, "-n", server.user)  # by an authority that is nobody's here
        assert works(Ssh(server.url(), server.known(ctx)))


# --- of hosts


def certified(tmp_path: Path, authority: Path, *options: str, kind: str = "ed25519") -> Sshd:
    """A server whose host key has a certificate."""
    server = Sshd(tmp_path, host_keys=(kind,))
    certificate = certify(authority, server.host_keys[0], "-h", *options)
    server.config.write_text(f"HostCertificate {certificate}\n{server.config.read_text()}")
    return server


def trusts(authority: Path, pattern: str = "*") -> None:
    known_hosts(f"@cert-authority {pattern} {' '.join(Path(f'{authority}.pub').read_text().split()[:2])}")


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_certified_host_is_known(tmp_path: Path, ctx: Context, authority: Path, kind: str) -> None:
    with certified(tmp_path, authority, "-n", "127.0.0.1,other", kind=kind) as server:
        trusts(authority, f"[127.0.0.*]:{server.port}")
        assert works(Ssh(server.url(), ctx))


def test_an_rsa_authority_signs_by_sha_2(tmp_path: Path, ctx: Context) -> None:
    authority = make_key(tmp_path / "ca", "rsa")
    with certified(tmp_path, authority, "-n", "127.0.0.1") as server:
        trusts(authority)
        assert works(Ssh(server.url(), ctx))


def test_the_name_of_a_certificate_may_be_an_alias(tmp_path: Path, ctx: Context, authority: Path) -> None:
    with certified(tmp_path, authority, "-n", "the-box") as server:
        trusts(authority, "the-box")
        ssh_config("HostKeyAlias the-box\n")
        assert works(Ssh(server.url(), ctx))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-n", "127.0.0.1", "-V", PAST], "was valid until"),
        (["-n", "127.0.0.1", "-V", FUTURE], "is valid from"),
        (["-n", "elsewhere.example.org"], r"is for elsewhere\.example\.org, not for 127\.0\.0\.1"),
    ],
)
def test_a_host_certificate_that_is_not_good_lets_nobody_in(
    tmp_path: Path, ctx: Context, authority: Path, options: list[str], words: str
) -> None:
    with certified(tmp_path, authority, *options) as server:
        trusts(authority)
        with pytest.raises(JobError, match=words) as caught:
            Ssh(server.url(), server.known(ctx)).open()
        assert not isinstance(caught.value, NeedsAnswer | Transient)
        assert caught.value.topic == "host-certificate"
        assert "Accepted" not in server.log()


def test_a_key_that_is_known_itself_needs_no_certificate(tmp_path: Path, ctx: Context, authority: Path) -> None:
    with certified(tmp_path, authority, "-n", "127.0.0.1", "-V", PAST) as server:
        trusts(authority)
        file = Path.home() / ".ssh" / "known_hosts"
        file.write_text(f"{file.read_text()}[127.0.0.1]:{server.port} {public(server)}\n")
        assert works(Ssh(server.url(), ctx))


@pytest.mark.parametrize("whose", ["another authority", "another host's authority"])
def test_a_host_that_nobody_trusted_vouches_for_is_asked_about(
    tmp_path: Path, context: Make, authority: Path, whose: str
) -> None:
    with certified(tmp_path, authority, "-n", "127.0.0.1") as server:
        if whose == "another authority":
            trusts(make_key(tmp_path / "other"))
        else:
            trusts(authority, "elsewhere.example.org")
        question = asked(Ssh(server.url(), context())).question
        assert (question.kind, question.detail) == ("host-key", server.fingerprint)
        assert works(Ssh(server.url(), server.known(context())))


def test_an_authority_is_no_host(tmp_path: Path, ctx: Context) -> None:
    with Sshd(tmp_path) as server:
        trusts(server.host_keys[0])  # the host's own key, trusted as an authority only
        assert asked(Ssh(server.url(), ctx)).question.kind == "host-key"


def test_a_person_cannot_pose_as_a_host(tmp_path: Path, ctx: Context, authority: Path) -> None:
    server = Sshd(tmp_path)
    certificate = certify(authority, server.host_keys[0], "-n", "127.0.0.1")  # without -h: a person's
    server.config.write_text(f"HostCertificate {certificate}\n{server.config.read_text()}")
    trusts(authority)
    with server, pytest.raises(JobError, match="is one of a person, not of a server"):
        Ssh(server.url(), server.known(ctx)).open()


def test_a_revoked_authority_vouches_for_nobody(tmp_path: Path, ctx: Context, authority: Path) -> None:
    with certified(tmp_path, authority, "-n", "127.0.0.1") as server:
        trusts(authority)
        file = Path.home() / ".ssh" / "known_hosts"
        file.write_text(file.read_text() + file.read_text().replace("@cert-authority", "@revoked"))
        with pytest.raises(JobError, match="stolen"):
            Ssh(server.url(), server.known(ctx)).open()
