"""What is taken out of a copy: the profiles, the decisions about secrets, and names that are no text."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app import cleaning
from app.errors import Usage
from app.job import CLEANS, Decision, Include, Job
from app.sandbox import secrets, seeking
from app.sandbox.look import Look, Secret
from app.sandbox.mounts import lines_of
from app.sandbox.secret_findings import for_job, listed

NETRC = Secret("/root/.netrc", "netrc", "0:root", 30)
SHADOW = Secret("/etc/shadow", "console-passwords", "0:root", 900)
DATA = Secret("/data/.netrc", "netrc", "0:root", 30, "/data")
ALL = (NETRC, SHADOW, DATA)


def job(clean: str = "move", *decided: str, include: str = "") -> Job:
    wanted = (Include.parse(include),) if include else ()
    return Job("ssh://a@b", "file:///t/", id="j", clean=clean, include=wanted,
               secrets=tuple(Decision.parse(d) for d in decided))  # fmt: skip


@pytest.mark.parametrize("name", CLEANS)
def test_a_profile_is_whole_and_takes_nothing_of_the_person_s(name: str) -> None:
    profile = cleaning.profile(name)
    globs = [glob for item in profile.items for glob in item.globs]
    assert len(globs) == len(set(globs))
    assert all(item.sentence.endswith((".", "…")) and item.title for item in profile.items)
    assert not {"/", "/*", "/home", "/home/*", "/root", "/root/*", "/etc/*", "/etc/fstab", "/etc/passwd", "/var/*"} & {
        *globs
    }
    assert profile.title
    assert profile.summary


def test_a_machine_that_is_only_moved_keeps_what_its_owner_knows() -> None:
    ids = {item.id for item in cleaning.profile("move").items}
    assert ids == {"leases", "random-seed", "device-lists", "stale", "ours"}


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(Usage):
        cleaning.profile("../share")


@pytest.mark.parametrize("glob", ["/*", "/home/*", "/root/*", "etc/x", "/etc/../x", "/a//b", "/", "/home/*/*"])
def test_a_glob_that_could_take_everything_is_refused(glob: str) -> None:
    item = f'[[item]]\nid = "i"\ntitle = "t"\nsentence = "s"\nact = "remove"\nglobs = ["{glob}"]'
    text = f'title = "x"\nsummary = "y"\n{item}'
    with pytest.raises(ValueError, match="too much"):
        cleaning.parse("x", text)


@pytest.mark.parametrize(
    ("asked", "kept", "removed"),
    [
        (job(), {"/root/.netrc", "/etc/shadow"}, set()),
        (job("share"), set(), {"/root/.netrc", "/etc/shadow"}),
        (job("move", "/root/.netrc=remove"), {"/etc/shadow"}, {"/root/.netrc"}),
        (job("share", "/etc/shadow=keep", include="/data=merge"), {"/etc/shadow"}, {"/root/.netrc", "/data/.netrc"}),
        (job(include="/data=disk"), {"/root/.netrc", "/etc/shadow", "/data/.netrc"}, set()),
        (job(include="/data=leave"), {"/root/.netrc", "/etc/shadow"}, set()),
    ],
)
def test_who_stays_and_who_goes(asked: Job, kept: set[str], removed: set[str]) -> None:
    planned = {secret.path: what for secret, what in secrets.plan(ALL, asked)}
    assert {path for path, what in planned.items() if what == "keep"} == kept
    assert {path for path, what in planned.items() if what == "remove"} == removed


def test_acts_spare_what_is_kept_and_keep_their_order() -> None:
    acts = cleaning.acts_for(
        job("share", "/root/.ssh/id_rsa=keep", "/etc/shadow=keep"), (*ALL, Secret("/root/.ssh/id_rsa", "ssh-key"))
    )
    assert acts == cleaning.acts_for(
        job("share", "/root/.ssh/id_rsa=keep", "/etc/shadow=keep"), (*ALL, Secret("/root/.ssh/id_rsa", "ssh-key"))
    )
    (ssh,) = (act for act in acts if act.path == "/root/.ssh")
    assert (ssh.act, ssh.glob) == ("empty", True)
    assert ssh.spares("/root/.ssh/id_rsa")
    assert ssh.spares("/root/.ssh")
    assert not ssh.spares("/root/.ssh/id_rsa.pub")
    assert not [act for act in acts if not act.glob and act.path in ("/root/.ssh/id_rsa", "/etc/shadow")]
    (netrc,) = (act for act in acts if not act.glob)
    assert (netrc.act, netrc.path) == ("remove", "/root/.netrc")


def test_a_shadow_file_is_locked_and_never_removed() -> None:
    acts = [
        act
        for act in cleaning.acts_for(job("share"), ALL)
        if act.path.startswith("/etc/shadow") and act.path[-1] != "-"
    ]
    assert {act.act for act in acts if act.path == "/etc/shadow"} == {"lock"}
    assert {
        act.act for act in cleaning.acts_for(job("move", "/etc/shadow=remove"), ALL) if act.path == "/etc/shadow"
    } == {"lock"}


def test_new_host_keys_are_asked_for_where_they_go() -> None:
    acts = cleaning.acts_for(job("share"), [Secret("/etc/ssh/host", "host-key")])
    assert {act.then for act in acts if "ssh_host" in act.path or act.path == "/etc/ssh/host"} == {"host-keys"}


@given(st.binary(min_size=1).filter(lambda b: b"\0" not in b))
def test_any_name_can_be_shown_and_found_again(name: bytes) -> None:
    text = secrets.shown(name)
    assert secrets.raw(text) == name
    assert text.isprintable() or not any(ord(c) < 32 for c in text)
    text.encode()
    assert os.fsencode(os.fsdecode(name)) == name


@given(st.text())
def test_any_text_can_be_asked_for(text: str) -> None:
    secrets.raw(text.encode("utf-8", "replace").decode())


@given(st.binary())
def test_any_answer_can_be_read(answer: bytes) -> None:
    found = secrets.read(answer, [], [])
    assert found.cut or b"!done" in answer


def test_what_lies_in_memory_only_does_not_travel() -> None:
    lines = lines_of(
        "1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / /tmp rw - tmpfs t rw\n3 1 8:2 / /tmp/d rw - ext4 /dev/b rw\n"
    )
    told = (("netrc", "/tmp/a"), ("netrc", "/tmp/d/b"), ("netrc", "/root/c"), ("vpn", "/root/c"), ("!done", "/"))
    answer = "".join(f"{kind}\t0:root\t3\t{path}\0" for kind, path in told).encode()
    found = secrets.read(answer, lines, ["/tmp/d"])
    assert [(s.path, s.kind, s.mount) for s in found.secrets] == [
        ("/root/c", "netrc", "/"),
        ("/tmp/d/b", "netrc", "/tmp/d"),
    ]
    assert not found.cut


def test_the_journal_s_facts_are_read_back() -> None:
    assert secrets.of({"secrets": [{"path": "/a", "kind": "netrc", "new": 1}, "no", {"kind": "x"}]}) == (
        Secret("/a", "netrc"),
    )
    assert secrets.of({}) == ()


@pytest.mark.parametrize(
    ("asked", "grades"),
    [
        (job(), ["ok"]),
        (job("share"), ["ok", "care"]),
        (job("share", "/etc/shadow=keep"), ["care", "ok"]),
        (job("move", "/gone=keep", "/data/.netrc=remove"), ["ok", "care", "ok"]),
    ],
)
def test_what_a_person_is_told(asked: Job, grades: list[str]) -> None:
    told = list(for_job(Look("", "", "", secrets=ALL), asked))
    assert [finding.grade for finding in told] == grades
    assert all(finding.topic in ("secrets", "share") for finding in told)


def test_without_any_it_says_where_it_looked() -> None:
    (finding,) = for_job(Look("", "", ""), job())
    assert "seven folders deep" in finding.text


def test_every_kind_has_its_words_and_patterns_that_are_safe() -> None:
    for kind in secrets.kinds().values():
        assert kind.name
        assert kind.opens.endswith((".", "…"))
        assert kind.act in cleaning.ACTS
    table = secrets._table()
    assert "judge()" in seeking.judge(table)
    with pytest.raises(ValueError, match="no pattern"):
        seeking.judge({"x": {"files": ["*/a; rm -rf /"]}})


def test_the_list_for_the_terminal() -> None:
    told = listed(for_job(Look("", "", "", secrets=ALL), job("share", "/etc/shadow=keep")))
    assert told == [
        "  stays in the copy: /etc/shadow (passwords of the accounts, of root)",
        "  is taken out: /root/.netrc (passwords for servers (.netrc), of root)",
    ]
