"""Key files in every form that ssh-keygen writes, and what is said about those that cannot be used."""

from __future__ import annotations

import logging
import subprocess
from pathlib import Path

import pytest

from app.context import Context, Event
from app.errors import JobError
from app.ssh import Ssh
from tests.servers import need
from tests.servers.psshd import CODE, SECRET, PasswordServer
from tests.servers.sshd import Sshd
from tests.ssh.tools import asked, ssh_config, works

PASSPHRASE = "open sesame; really"


def made(kind: str, form: str, passphrase: str) -> Path:
    """A key in ~/.ssh, in one of ssh-keygen's forms."""
    key = Path.home() / ".ssh" / f"id_{kind}"
    key.parent.mkdir(mode=0o700, exist_ok=True)
    bits = ["-b", "2048"] if kind == "rsa" else []
    command = [need("ssh-keygen"), "-q", "-t", kind, *bits, "-N", passphrase, "-f", str(key)]
    subprocess.run(command, check=True)
    if form != "OpenSSH":
        command = [need("ssh-keygen"), "-q", "-p", "-m", form, "-P", passphrase, "-N", passphrase, "-f", str(key)]
        subprocess.run(command, check=True, capture_output=True)
        assert "OPENSSH" not in key.read_text()
    return key


FORMS = [("rsa", "OpenSSH"), ("rsa", "PEM"), ("rsa", "PKCS8"), ("ecdsa", "OpenSSH"), ("ecdsa", "PEM")]
FORMS += [("ecdsa", "PKCS8"), ("ed25519", "OpenSSH")]  # ssh-keygen writes Ed25519 in its own form only


@pytest.mark.parametrize(("kind", "form"), FORMS)
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_a_key_of_any_form(tmp_path: Path, ctx: Context, kind: str, form: str, passphrase: str) -> None:
    with Sshd(tmp_path, key=False) as server:
        server.let_in(key := made(kind, form, passphrase))
        ssh = Ssh(server.url(), server.known(ctx))
        if passphrase:
            question = asked(ssh).question
            assert (question.kind, question.about) == ("passphrase", f"key://{key}")
            ctx.answers.give(question.about, "a wrong one")
            assert "not the passphrase" in asked(ssh).question.text
            assert ctx.answers.get(question.about) is None
            ctx.answers.give(question.about, passphrase)
        assert works(ssh)


def test_an_ed25519_key_of_openssls_form(tmp_path: Path, ctx: Context) -> None:
    key = made("ed25519", "OpenSSH", "")
    with Sshd(tmp_path, key=False) as server:
        subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", str(key)], check=True)
        from cryptography.hazmat.primitives import serialization as form

        public = form.load_pem_private_key(key.read_bytes(), None).public_key()
        line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH)
        key.with_suffix(".pub").write_bytes(line + b"\n")
        server.let_in(key)
        assert works(Ssh(server.url(), server.known(ctx)))


def test_going_on_without_a_locked_key(tmp_path: Path, ctx: Context) -> None:
    key = made("ed25519", "OpenSSH", PASSPHRASE)
    with PasswordServer(tmp_path, "key", keys=[key.with_suffix(".pub")]) as server:
        ctx.answers.give(f"key://{key}", "")
        with pytest.raises(JobError, match="did not let you in"):
            Ssh(server.url(), server.known(ctx)).open()


@pytest.mark.filterwarnings("error:.*DSA")
@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("dsa", "is of a kind that this program cannot use"),
        ("PuTTY-User-Key-File-3: ssh-ed25519\n", "is one of PuTTY"),
        ("", "is not there"),
        ("nonsense\n", "is no private key"),
    ],
)
def test_a_named_key_that_cannot_be_used_is_told(tmp_path: Path, ctx: Context, content: str, words: str) -> None:
    file = tmp_path / "named"
    if content == "dsa":
        subprocess.run([need("ssh-keygen"), "-q", "-t", "dsa", "-N", "", "-f", str(file)], check=True)
    elif content:
        file.write_text(content)
    ssh_config(f"IdentityFile {file}\n")
    with Sshd(tmp_path, key=False) as server, pytest.raises(JobError, match=words) as caught:
        Ssh(server.url(), server.known(ctx)).open()
    assert str(file) in caught.value.message


def test_no_secret_is_told_logged_or_written(
    tmp_path: Path, ctx: Context, events: list[Event], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("paramiko").setLevel(logging.DEBUG)
    try:
        key = made("ed25519", "OpenSSH", PASSPHRASE)
        with PasswordServer(tmp_path, "key", "password", "code", keys=[key.with_suffix(".pub")]) as server:
            ssh = Ssh(server.url(), server.known(ctx))
            for value in (PASSPHRASE, "wrong one", SECRET, "000000", SECRET, CODE):
                ctx.answers.give(asked(ssh).question.about, value)
            assert works(ssh)
    finally:
        logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    told = (caplog.text + "".join(str(event) for event in events)).encode()
    for secret in (PASSPHRASE, SECRET, CODE, "wrong one"):
        assert secret.encode() not in written + told
