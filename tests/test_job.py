"""A job is a value: checked in words, saved without secrets, read back the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.addresses import SOURCES, TARGETS, split_target
from app.errors import Usage
from app.job import Decision, Include, Job, dumps, load, loads, new

GOOD = {"source": "file:///a/disk.qcow2", "target": "sftp://me@host/in/"}


def test_a_job_comes_back_from_its_file_the_same(tmp_path: Path) -> None:
    job = new(**GOOD, sandbox="ssh://me@box", include=(Include("/application", "merge"),), limit=5, name="Ü b")
    job.save(tmp_path / "deep" / "job.json")
    assert load(tmp_path / "deep" / "job.json") == job == load(tmp_path / "deep")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"source": "ftp://x/y"}, "not an address I know"),
        ({"source": "file://host/x"}, "full path"),
        ({"source": "openstack://cloud"}, "openstack://CLOUD/server/ID"),
        ({"target": "sftp://me:pass@host/"}, "contains a password"),
        ({"target": "sftp:///x"}, "names no host"),
        ({"target": "sftp://host:99999/x"}, "not an address"),
        ({"target": "sftp://[::1/x"}, "not an address"),
        ({"target": "swift://cloud/container"}, "swift://CLOUD/container/name"),
        ({"format": "iso"}, "not known"),
        ({"name": "a/b"}, "slashes"),
        ({"name": ".."}, "slashes"),
        ({"name": "\ud800"}, "control characters"),
        ({"source": "file:///a%00b"}, "no address can have"),
        ({"target": "sftp://a/b\nc"}, "no address can have"),
        ({"source": "file:///\ud800"}, "no address can have"),
        ({"limit": -1}, "negative"),
        ({"verify": "maybe"}, "no way to verify"),
        ({"include": (Include("/application", "merge"),)}, "sandbox's address"),
        ({"sandbox": "ssh://h", "include": (Include("/", "merge"),)}, "into itself"),
        ({"sandbox": "ssh://h", "include": (Include("/a", "merge"), Include("/a", "leave"))}, "named twice"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(change: dict[str, object], word: str) -> None:
    with pytest.raises(Usage, match=word) as caught:
        new(**{**GOOD, **change})  # type: ignore[arg-type]
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"version": 99}, "version 99"),
        ({"colour": "red"}, "not known: colour"),
        ({"limit": "fast"}, "must be a int"),
        ({"prove": 1}, "must be a bool"),
        ({"include": ["/application"]}, "must be a list of"),
        ({"id": "../../etc"}, "letters, digits"),
    ],
)
def test_a_wrong_file_is_refused_with_a_reason(change: dict[str, object], word: str) -> None:
    data = {**json.loads(dumps(new(**GOOD))), **change}
    with pytest.raises(Usage, match=word):
        loads(json.dumps(data))


@pytest.mark.parametrize("text", ["", "[]", "{", "null", '{"source": "file:///x"}', "\x00"])
def test_what_is_no_job_file_is_said_so(text: str) -> None:
    with pytest.raises(Usage, match="job"):
        loads(text)


def test_a_file_that_is_not_text_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Usage, match="cannot be read"):
        load(tmp_path / "x")


@pytest.mark.parametrize(
    ("url", "folder", "name"),
    [
        ("sftp://h/in", "sftp://h/in/", ""),
        ("sftp://h/in/", "sftp://h/in/", ""),
        ("sftp://h", "sftp://h/", ""),
        ("sftp://h/in/My%20disk.qcow2", "sftp://h/in/", "My disk.qcow2"),
        ("sftp://h/v1.2", "sftp://h/v1.2/", ""),
        ("file:///media/usb", "file:///media/usb/", ""),
        ("openstack://c/image/My%20image", "openstack://c/image/", "My image"),
        ("swift://c/box/a/b", "swift://c/box/a/", "b"),
    ],
)
def test_a_target_names_a_folder_unless_it_ends_like_an_image(url: str, folder: str, name: str) -> None:
    assert split_target(url) == (folder, name)


@pytest.mark.parametrize(
    ("wishes", "name"),
    [
        ({}, "disk"),
        ({"name": "Chosen"}, "Chosen"),
        ({"target": "sftp://h/in/other.raw"}, "other"),
        ({"target": "openstack://c/image/My%20image"}, "My image"),
        ({"source": "ssh://me@box.example.org", "target": "file:///x"}, "box.example.org"),
        ({"source": "file:///x/odd%20name%0A.qcow2"}, "odd-name"),
    ],
)
def test_the_image_gets_a_name_that_every_server_takes(wishes: dict[str, str], name: str) -> None:
    assert new(**{**GOOD, **wishes}).image_name == name  # type: ignore[arg-type]


def test_every_source_and_target_scheme_is_told_in_the_help() -> None:
    assert set(SOURCES) == {"file", "ssh", "openstack"}
    assert set(TARGETS) == {"sftp", "ftps", "ftpes", "file", "openstack", "swift"}


def test_jobs_are_frozen() -> None:
    with pytest.raises(AttributeError):
        new(**GOOD).source = "x"  # type: ignore[misc]
    assert isinstance(hash(Job("a", "b")), int)


@pytest.mark.parametrize("created", ["Infinity", "-Infinity", "NaN", "1e300", "-5"])
def test_a_date_that_is_none(created: str) -> None:
    with pytest.raises(Usage, match="no date"):
        loads(f'{{"source": "file:///a", "target": "file:///b/", "id": "x", "created": {created}}}')


def test_decisions_about_secrets_and_repairs_are_kept_and_checked() -> None:
    made = new(
        "file:///a.img", "file:///b/", clean="share", secrets=(Decision("/root/.netrc", "keep"),), unfixed=("virtio",)
    )
    assert loads(dumps(made)) == made
    text = dumps(made)
    for wrong in ('"nonsense"', '"fix": 1', '["no-such-fix"]', "[1]"):
        with pytest.raises(Usage):
            loads(text.replace('[\n    "virtio"\n  ]', wrong))
    for wrong in ('[{"path": "relative", "what": "keep"}]', '[{"path": "/a", "what": "sell"}]', '{"a": 1}'):
        data = json.loads(text) | {"secrets": json.loads(wrong)}
        with pytest.raises(Usage):
            loads(json.dumps(data))
