"""keyboard-interactive: several prompts and rounds, codes after passwords and keys, new passwords; nothing is kept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app import engine
from app.context import Context, Event
from app.disk.practice_disk import write_disk
from app.errors import JobError, NeedsAnswer, Transient
from app.job import Job
from app.secrets import Answers
from app.ssh import Ssh, parked
from app.ssh.prompts import is_password, says_expired
from tests.servers import until
from tests.servers.psshd import CODE, FRESH, SECRET, PasswordServer
from tests.servers.sshd import make_key
from tests.ssh.tools import asked, works

Make = Callable[..., Context]
TWO_FACTORS = {"2fa": [("", "", [("Password: ", SECRET)]), ("Second step", "Open your app.", [("Code 17: ", CODE)])]}
TWO_CODES = {"tokens": [("", "", [("Code: ", "111111"), ("Code: ", "222222")])]}
INFORMS = {"informs": [("", "Maintenance on Sunday.", []), ("", "", [("Token: ", CODE)])]}
EXPIRED = {
    "by instructions": [("", "You are required to change your password immediately.", [("Password: ", SECRET)])],
    "by prompts": [("", "", [("Password: ", SECRET)]), ("", "", [("New password: ", "x"), ("Retype it: ", "x")])],
}


def answered(ssh: Ssh, ctx: Context, *answers: tuple[str, str, str]) -> None:
    """Answer the questions that come, one login attempt each: kind, what its text says, the answer."""
    for kind, said, value in answers:
        question = asked(ssh).question
        assert question.kind == kind
        assert said in question.text
        ctx.answers.give(question.about, value)


def test_a_password_then_a_code_in_a_second_round(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "2fa", rounds=TWO_FACTORS) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        answered(ssh, ctx, ("password", "asks for a password", SECRET), ("code", "Open your app. Code 17:", CODE))
        assert works(ssh)
        assert not [attempt for attempt in server.attempts if attempt not in (SECRET, CODE)]


def test_what_is_not_known_is_never_answered_with_nothing(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "code") as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx)))
        assert asked(ssh).question.kind == "code"
        assert server.attempts == []


def test_a_code_is_good_once(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "code") as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx)))
        for _ in range(2):
            answered(ssh, ctx, ("code", "Code:", CODE))
            assert works(ssh)
            parked.close_all()
        assert ctx.answers.redact(f"code {CODE}") == "code •••"


SMS = {"sms": [("", "", [("Password: ", SECRET)]), ("", "Sent to ***17.", [("Code 1234: ", FRESH)])]}


def test_the_connection_is_held_while_the_person_looks_for_the_code(tmp_path: Path, context: Make) -> None:
    with PasswordServer(tmp_path, "sms", rounds=SMS) as server:
        ctx = server.password(server.known(context()))
        question = asked(Ssh(server.url(), ctx)).question
        assert "Sent to ***17. Code 1234:" in question.text
        ctx.answers.give(question.about, server.sent[0])
        assert works(Ssh(server.url(), ctx))
        assert len(server.sent) == len(server.transports) == 1


def test_who_looks_too_long_is_sent_another_code(tmp_path: Path, ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    with PasswordServer(tmp_path, "sms", rounds=SMS) as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx)))
        with monkeypatch.context() as hurry:
            hurry.setattr(parked, "PATIENCE", 0.2)
            assert asked(ssh).question.kind == "code"
            until(lambda: not server.transports[0].is_active())
        question = asked(ssh).question
        ctx.answers.give(question.about, server.sent[-1])
        assert works(ssh)
        assert len(server.sent) == 2


def test_a_connection_that_cost_a_code_is_kept_for_the_next_act(tmp_path: Path, context: Make) -> None:
    with PasswordServer(tmp_path, "sms", rounds=SMS) as server:
        ctx = server.password(server.known(context()))
        question = asked(Ssh(server.url(), ctx)).question
        ctx.answers.give(question.about, server.sent[0])
        assert works(Ssh(server.url(), ctx))
        assert works(Ssh(server.url(), context()))
        assert asked(Ssh(server.url(user="eve"), context())).question.kind == "password", "nobody else's login"
        server.transports[0].close()
        assert asked(Ssh(server.url(), ctx)).question.kind == "code", "a line that is gone is not taken"
        assert len(server.sent) == 2


def test_an_upload_asks_for_one_code(tmp_path: Path) -> None:
    write_disk(disk := tmp_path / "disk.raw", 4 << 20, b"some data")
    with PasswordServer(tmp_path, "sms", rounds=SMS) as server:
        job = Job(disk.as_uri(), server.url("sftp"), id="codes", prove=False)
        known = {f"host-key ssh://127.0.0.1:{server.port}": server.fingerprint}
        answers, kinds = Answers(known, use_keyring=False), []
        while True:
            try:
                engine.run(job, tmp_path / "job", lambda event: None, threading.Event(), answers)
                break
            except NeedsAnswer as need:
                kinds.append(need.question.kind)
                assert len(kinds) < 5
                answers.give(need.question.about, server.sent[-1] if kinds[-1] == "code" else SECRET)
        assert kinds == ["password", "code"]
        assert len(server.sent) == len(server.transports) == 1
        kept = b"".join(file.read_bytes() for file in (tmp_path / "job").rglob("*") if file.is_file())
        assert SECRET.encode() not in kept
        assert server.sent[0].encode() not in kept


def test_a_connection_that_cost_no_code_is_closed(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "questions") as server:
        ssh = Ssh(server.url(), server.known(ctx))
        answered(ssh, ctx, ("password", "asks for a password", SECRET))
        assert works(ssh)
        until(lambda: not server.transports[0].is_active())
        assert len(server.transports) == 1


def test_a_broken_line_is_not_kept(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "code") as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx)))
        answered(ssh, ctx, ("code", "Code:", CODE))
        ssh.open()
        with pytest.raises(Transient), ssh.guarded():
            raise Transient("The server said nonsense.")
        assert asked(ssh).question.kind == "code"


def test_a_wrong_code_is_asked_for_again_with_the_password(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "code") as server:
        ssh = Ssh(server.url(), server.password(server.known(ctx)))
        answered(ssh, ctx, ("code", "Code:", "000000"), ("password", "refused this password or this code", SECRET))
        answered(ssh, ctx, ("code", "Code:", CODE))
        assert works(ssh)


def test_two_codes_with_the_same_prompt(tmp_path: Path, ctx: Context) -> None:
    with PasswordServer(tmp_path, "tokens", rounds=TWO_CODES) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        answered(ssh, ctx, ("code", "Code:", "111111"), ("code", "Code:", "222222"))
        assert works(ssh)


def test_a_key_then_a_code(tmp_path: Path, ctx: Context) -> None:
    key = make_key(Path.home() / ".ssh" / "id_ed25519").with_suffix(".pub")
    rounds = {"otp": [("", "", [("One-time password (OATH) for `ada': ", CODE)])]}
    with PasswordServer(tmp_path, "key", "otp", keys=[key], rounds=rounds) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        answered(ssh, ctx, ("code", "One-time password", "000000"), ("code", "not right, or too late", CODE))
        assert works(ssh)


def test_a_key_then_a_password_then_a_code(tmp_path: Path, ctx: Context) -> None:
    key = make_key(Path.home() / ".ssh" / "id_ed25519").with_suffix(".pub")
    with PasswordServer(tmp_path, "key", "password", "code", keys=[key]) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        answered(ssh, ctx, ("password", "password", SECRET), ("code", "Code:", CODE))
        assert works(ssh)


def test_a_round_without_prompts_is_told(tmp_path: Path, ctx: Context, events: list[Event]) -> None:
    with PasswordServer(tmp_path, "informs", rounds=INFORMS) as server:
        ssh = Ssh(server.url(), server.known(ctx))
        answered(ssh, ctx, ("code", "Token:", CODE))
        assert works(ssh)
        assert any("Maintenance on Sunday." in event.text for event in events if event.kind == "note")


@pytest.mark.parametrize("how", EXPIRED)
def test_an_expired_password_is_never_typed_as_the_new_one(tmp_path: Path, ctx: Context, how: str) -> None:
    with PasswordServer(tmp_path, how, rounds=EXPIRED) as server:
        with pytest.raises(JobError, match="has expired and must be changed") as caught:
            Ssh(server.url(), server.password(server.known(ctx))).open()
        assert not isinstance(caught.value, NeedsAnswer | Transient)
        assert "ssh" in caught.value.remedy
        assert server.attempts in ([], [SECRET])


def test_hostile_words_are_made_harmless(tmp_path: Path, ctx: Context) -> None:
    rounds = {"bad": [("\x1b[2J", "a\nb\x1b]0;title\x07", [("Code\x1b[31m: ", CODE)])]}
    with PasswordServer(tmp_path, "bad", rounds=rounds) as server:
        question = asked(Ssh(server.url(), server.known(ctx))).question
        assert "\x1b" not in question.text + question.about
        assert "\n" not in question.text + question.about


@pytest.mark.parametrize(
    ("words", "right"),
    [
        ("You are required to change your password immediately (administrator enforced).", True),
        ("WARNING: Your password has expired.", True),
        ("Password expired. Change your password now.", True),
        ("Warning: your password will expire in 5 days.", False),
        ("You can change your password at https://id.example.org.", False),
        ("Your account has expired; please contact your system administrator.", False),
    ],
)
def test_which_words_mean_that_a_password_must_be_changed(words: str, right: bool) -> None:
    assert says_expired(words) is right


@pytest.mark.parametrize(
    ("prompt", "right"),
    [
        ("Password: ", True),
        ("ada@host's password: ", True),
        ("Passwort:", True),
        ("", True),
        ("(current) UNIX password: ", True),
        ("One-time password: ", False),
        ("Password + token code: ", False),
        ("New password: ", False),
        ("Verification code: ", False),
        ("Passcode or option (1-3): ", False),
        ("Enter PASSCODE: ", False),
        ("Your answer: ", False),
    ],
)
def test_which_prompt_wants_the_password(prompt: str, right: bool) -> None:
    assert is_password(prompt) is right
